#!/usr/bin/env python3
"""Weakens an access token or API key with pymacaroons, offline: attenuate.py TOKEN CAVEAT prints the weaker token."""

import sys
from base64 import urlsafe_b64encode

from pymacaroons import Macaroon
from pymacaroons.serializers import BinarySerializer

PREFIXES = ("fm_at_", "fm_ak_")
EMPTY_LOCATION = b"\x01\x00"


def attenuate(token: str, caveat: str) -> str:
    prefix = next((p for p in PREFIXES if token.startswith(p)), None)
    if prefix is None:
        raise SystemExit(f"only tokens that begin with {' or '.join(PREFIXES)} can be weakened")
    macaroon = Macaroon.deserialize(token[len(prefix):], BinarySerializer())
    macaroon.add_first_party_caveat(caveat)
    raw = BinarySerializer().serialize_raw(macaroon)
    # pymacaroons writes an empty location where there was none; the canonical form has no location field.
    if raw[1:3] == EMPTY_LOCATION:
        raw = raw[:1] + raw[3:]
    return prefix + urlsafe_b64encode(raw).decode().rstrip("=")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit("usage: attenuate.py TOKEN CAVEAT")
    print(attenuate(sys.argv[1], sys.argv[2]))
