// The keys that the SDK for JavaScript finds in the instance metadata service.
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";

const found = await new SecretsManagerClient({ region: "us-east-1" }).config.credentials();
console.log(found.accessKeyId);
console.log(found.sessionToken);
console.log("ok");
