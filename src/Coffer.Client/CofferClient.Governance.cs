using System.Globalization;
using Coffer.Contracts;

namespace Coffer.Client;

public sealed partial class CofferClient
{
    private const string ProjectsPath = "/coffer/v1/projects";
    private const string RequestsPath = "/coffer/v1/requests";
    private const string AnswersPath = "/coffer/v1/access";

    /// <summary>Projects of which the caller may see a vault.</summary>
    public Task<ProjectList> ListProjectsAsync(CancellationToken cancellationToken = default) => CallAsync(HttpMethod.Get, ProjectsPath, ContractsJson.Default.ProjectList, cancellationToken);

    /// <summary>Creates a project's vaults, groups and grants; what is there stays.</summary>
    public Task<ProjectInfo> CreateProjectAsync(string name, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Post, ProjectsPath, ContractsJson.Default.ProjectInfo, cancellationToken, Body(new NewProject { Name = name }, ContractsJson.Default.NewProject));

    /// <summary>Copies current values from one environment to a later one, or plans to.</summary>
    public Task<PromotionResult> PromoteAsync(Promotion promotion, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Post, "/coffer/v1/promotions", ContractsJson.Default.PromotionResult, cancellationToken, Body(promotion, ContractsJson.Default.Promotion));

    /// <summary>One's own requests and those that one may decide.</summary>
    public Task<ApprovalList> ListRequestsAsync(CancellationToken cancellationToken = default) => CallAsync(HttpMethod.Get, RequestsPath, ContractsJson.Default.ApprovalList, cancellationToken);

    /// <summary>Asks a second person.</summary>
    public Task<ApprovalInfo> CreateRequestAsync(NewApprovalRequest request, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Post, RequestsPath, ContractsJson.Default.ApprovalInfo, cancellationToken, Body(request, ContractsJson.Default.NewApprovalRequest));

    /// <summary>Approves or refuses, as a second person.</summary>
    public Task<ApprovalInfo> DecideRequestAsync(string id, ApprovalDecision decision, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Post, $"{RequestsPath}/{Part(id)}/decision", ContractsJson.Default.ApprovalInfo, cancellationToken, Body(decision, ContractsJson.Default.ApprovalDecision));

    /// <summary>Takes one's own request back.</summary>
    public Task WithdrawRequestAsync(string id, CancellationToken cancellationToken = default) => CallAsync(HttpMethod.Delete, $"{RequestsPath}/{Part(id)}", cancellationToken);

    /// <summary>Who may do something.</summary>
    public Task<WhoCanList> WhoCanAsync(AccessQuery query, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Post, AnswersPath + "/who-can", ContractsJson.Default.WhoCanList, cancellationToken, Body(query, ContractsJson.Default.AccessQuery));

    /// <summary>Whether a principal may do something, and why.</summary>
    public Task<Explanation> ExplainAsync(AccessQuery query, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Post, AnswersPath + "/why", ContractsJson.Default.Explanation, cancellationToken, Body(query, ContractsJson.Default.AccessQuery));

    /// <summary>Why a request of the trail was decided as it was.</summary>
    public Task<Explanation> ExplainRequestAsync(string requestId, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Get, $"{AnswersPath}/requests/{Part(requestId)}", ContractsJson.Default.Explanation, cancellationToken);

    /// <summary>Grants and credentials to look at.</summary>
    public Task<Review> ReviewAccessAsync(int days, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Get, AnswersPath + "/review" + Query(("days", days.ToString(CultureInfo.InvariantCulture))), ContractsJson.Default.Review, cancellationToken);
}
