// The token that Azure's library finds by itself.
import { DefaultAzureCredential, ManagedIdentityCredential } from "@azure/identity";

const scope = "https://vault.azure.net/.default";
console.log((await new ManagedIdentityCredential().getToken(scope)).token);
console.log((await new DefaultAzureCredential().getToken(scope)).token);
console.log("ok");
