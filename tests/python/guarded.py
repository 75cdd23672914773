"""A client nobody here wrote (requests-oauthlib) at an API behind the guard.

The argument is JSON: resource, token_endpoint, client_id, client_secret, allowed, other (addresses below the resource). One line per step
goes to standard output; the first step that fails ends the run.
"""

import json
import os
import sys

# The issuer is on loopback.
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"

import requests
from oauthlib.oauth2 import BackendApplicationClient
from requests_oauthlib import OAuth2Session

given = json.loads(sys.argv[1])

refused = requests.get(given["allowed"], timeout=20)
assert refused.status_code == 401 and refused.headers["www-authenticate"].startswith("Bearer "), refused.headers
print("ok  a request without a token is refused with a challenge")

client = BackendApplicationClient(client_id=given["client_id"], scope=["books.read"])
session = OAuth2Session(client=client)
token = session.fetch_token(
    given["token_endpoint"], client_secret=given["client_secret"], include_client_id=False,
    auth=(given["client_id"], given["client_secret"]), resource=given["resource"], timeout=20,
)
assert token["token_type"].lower() == "bearer" and token["scope"] == ["books.read"], token.keys()
page = session.get(given["allowed"], timeout=20)
assert page.status_code == 200 and f"x-firman-client: {given['client_id']}" in page.text, page.text
print("ok  a token that it gets lets it through")

lacking = session.get(given["other"], timeout=20)
assert lacking.status_code == 403 and 'scope="books.write"' in lacking.headers["www-authenticate"], lacking.headers
print("ok  what needs another scope says which")
