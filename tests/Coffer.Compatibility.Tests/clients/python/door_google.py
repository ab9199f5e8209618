"""The token, project and account that Google's library finds by itself."""
import google.auth
import google.auth.compute_engine
import google.auth.transport.requests

credentials, project = google.auth.default()
assert isinstance(credentials, google.auth.compute_engine.Credentials), credentials
credentials.refresh(google.auth.transport.requests.Request())
print(credentials.token)
print(credentials.service_account_email)
print(project)
print("ok")
