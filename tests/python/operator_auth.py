"""Access tokens for the generator of requests: another every few seconds, because what it tries out makes tokens dead."""

import base64
import json
import os
import urllib.parse
import urllib.request

import schemathesis

ISSUER = os.environ["OPERATOR_ISSUER"]
SECRET = os.environ["OPERATOR_SECRET"]


@schemathesis.auth(refresh_interval=1)
class Operator:
    def get(self, case, context):
        form = {"grant_type": "client_credentials", "resource": f"{ISSUER}/admin"}
        basic = base64.b64encode(f"operations:{SECRET}".encode()).decode()
        request = urllib.request.Request(
            f"{ISSUER}/oauth2/token",
            data=urllib.parse.urlencode(form).encode(),
            headers={"Authorization": f"Basic {basic}"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)["access_token"]

    def set(self, case, data, context):
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}
