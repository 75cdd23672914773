#!/usr/bin/env python3
"""Speaks TLS to a server: tls.py PORT CERTIFICATE PATH prints status and headers of a GET, trusting that certificate alone."""

import http.client
import ssl
import sys

port, certificate, path = int(sys.argv[1]), sys.argv[2], sys.argv[3]
context = ssl.create_default_context(cafile=certificate)
context.set_alpn_protocols(["http/1.1"])
connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=20)
connection.request("GET", path)
answer = connection.getresponse()
print(connection.sock.version() if connection.sock else "", answer.status)
for name, value in answer.getheaders():
    print(f"{name.lower()}: {value}")
