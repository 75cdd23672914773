#!/usr/bin/env python3
"""Encrypts and decrypts with jwcrypto: reads {"key": JWK, "alg", "enc", "content"} or {"key": JWK, "jwe"}, and prints what came of it."""

import json
import sys

from jwcrypto.jwe import JWE
from jwcrypto.jwk import JWK

# RSA-OAEP is not among those that are allowed without being asked for.
ALGORITHMS = ["RSA-OAEP", "RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW"]
CONTENTS = ["A128CBC-HS256", "A256CBC-HS512", "A128GCM", "A256GCM"]


def main():
    asked = json.load(sys.stdin)
    key = JWK(**asked["key"])
    if "jwe" in asked:
        opened = JWE(algs=ALGORITHMS + CONTENTS)
        opened.deserialize(asked["jwe"], key)
        print(opened.payload.decode(), end="")
    else:
        header = {"alg": asked["alg"], "enc": asked["enc"], "kid": asked["key"]["kid"], "cty": "JWT"}
        sealed = JWE(asked["content"].encode(), json.dumps(header), algs=ALGORITHMS + CONTENTS)
        sealed.add_recipient(key)
        print(sealed.serialize(compact=True), end="")


if __name__ == "__main__":
    main()
