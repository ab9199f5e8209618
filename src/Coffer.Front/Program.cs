using Coffer.Launch;
using Coffer.Launch.Processes;

return LaunchProgram.TryRun(args, out int exit) ? exit : FullProgram.Execute(args);
