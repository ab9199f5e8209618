// Token, project, account and identity token that Google's library finds by itself.
import { GoogleAuth } from "google-auth-library";

const auth = new GoogleAuth({ scopes: "https://www.googleapis.com/auth/cloud-platform" });
console.log(await auth.getAccessToken());
console.log((await auth.getCredentials()).client_email);
console.log(await auth.getProjectId());
const client = await auth.getIdTokenClient("https://shop.example");
console.log(await client.idTokenProvider.fetchIdToken("https://shop.example"));
console.log("ok");
