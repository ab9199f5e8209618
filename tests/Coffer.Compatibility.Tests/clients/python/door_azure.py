"""The token that Azure's library finds by itself, three times: one line each."""
import sys

from azure.identity import DefaultAzureCredential, ManagedIdentityCredential

SCOPE = "https://vault.azure.net/.default"
print(ManagedIdentityCredential().get_token(SCOPE).token)
if "--chain" in sys.argv:
    print(DefaultAzureCredential().get_token(SCOPE).token)
    try:
        ManagedIdentityCredential().get_token("https://management.azure.com/.default")
        sys.exit("a token for another resource")
    except Exception as refused:  # noqa: BLE001
        assert "Key Vault only" in str(refused), refused
print("ok")
