#!/usr/bin/python3
"""Writes the vectors of this folder with an implementation of its own (python3-cryptography), read from docs/sealing.md.

Nothing here is random, so that a second run writes the same files. Run it by hand after a new layout was added; existing
vectors never change.
"""
import base64
import hashlib
import hmac
import json
import struct
import sys

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand


def fixed(label, length):
    """Bytes that look random and are the same in every run."""
    return hashlib.shake_256(("coffer vectors: " + label).encode()).digest(length)


def expand(prk, info):
    return HKDFExpand(hashes.SHA256(), 32, info).derive(prk)


def hkdf(key, salt, info):
    return HKDF(hashes.SHA256(), 32, salt or None, info).derive(key)


def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def prk_of(data_key):
    return mac(b"coffer/data-key/1", data_key)


def context_bytes(c):
    if c["purpose"] == 1:
        return struct.pack(">Bq", 1, c["vault"]) + bytes.fromhex(c["uid"]) + struct.pack(">i", c["number"]) + bytes.fromhex(c["version"]) + bytes([c["kind"]])
    text = c["id"].encode()
    return struct.pack(">BH", c["purpose"], len(text)) + text


def seal(keys, key_id, nonce, plaintext, c, layout=1):
    header = struct.pack(">BI", layout, key_id)
    place = context_bytes(c)
    key = expand(prk_of(keys[key_id]), b"coffer/seal\0" + header + (place[:-1] if c["purpose"] == 1 else place))
    return header + nonce + AESGCM(key).encrypt(nonce, plaintext, header + place)


def row(*fields):
    out = b""
    for kind, value in fields:
        data = {"int": lambda: struct.pack(">i", value), "long": lambda: struct.pack(">q", value), "text": lambda: value.encode(),
                "bytes": lambda: bytes.fromhex(value), "uint128": lambda: bytes.fromhex(value), "guid": lambda: bytes.fromhex(value.replace("-", "")),
                "none": lambda: None}[kind]()
        out += b"\xff\xff\xff\xff" if data is None else struct.pack(">I", len(data)) + data
    return out


def b64(data):
    return base64.b64encode(data).decode()


def write(name, value):
    with open(name, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1, ensure_ascii=True)
        file.write("\n")


# --- sealed values ---------------------------------------------------------------------------------------------------
KEYS = {1: fixed("data key 1", 32), 2: fixed("data key 2", 32), 0xFEDCBA98: fixed("data key FEDCBA98", 32)}
VALUE = {"purpose": 1, "vault": 123456789012, "uid": fixed("uid", 16).hex(), "number": 3, "version": fixed("version", 16).hex(), "kind": 1}
CREDENTIAL = {"purpose": 2, "id": "AKIACOFFEREXAMPLE001"}
CONFIGURATION = {"purpose": 3, "id": "trust/github-\u00e4"}
PLAIN = b"correct horse battery staple"


def good(name, key_id, plaintext, c):
    return {"name": name, "context": c, "sealed": seal(KEYS, key_id, fixed("nonce " + name, 12), plaintext, c).hex(), "plaintext": plaintext.hex()}


GOOD = [
    good("value", 1, PLAIN, VALUE),
    good("value under a later key", 2, PLAIN, VALUE),
    good("value under a key id that uses all four bytes", 0xFEDCBA98, PLAIN, VALUE),
    good("empty value", 1, b"", VALUE),
    good("binary value", 1, bytes(range(256)), {**VALUE, "kind": 2}),
    good("large numbers", 1, PLAIN, {**VALUE, "vault": 999999999999, "number": 2147483647, "uid": "ff" * 16, "version": "ff" * 16}),
    good("credential", 1, fixed("access key", 40), CREDENTIAL),
    good("configuration", 1, PLAIN, CONFIGURATION),
    good("credential with an empty id", 1, PLAIN, {"purpose": 2, "id": ""}),
    good("longest id", 1, PLAIN, {"purpose": 2, "id": "x" * 512}),
]
SEALED = bytes.fromhex(GOOD[0]["sealed"])


def bad(name, failure, sealed=SEALED, c=VALUE):
    return {"name": name, "context": c, "sealed": sealed.hex(), "failure": failure}


def flip(at, data=SEALED):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


def other(**change):
    return {**VALUE, **change}


BAD = [
    bad("empty", "Empty", b""),
    bad("layout 0", "UnknownLayout", b"\0" + SEALED[1:]),
    bad("layout 2, sealed as such", "UnknownLayout", seal(KEYS, 1, fixed("n", 12), PLAIN, VALUE, layout=2)),
    bad("layout alone", "Truncated", SEALED[:1]),
    bad("one byte short of the least", "Truncated", SEALED[:32]),
    bad("tag cut by one byte", "NotAuthentic", SEALED[:-1]),
    bad("a byte behind the tag", "NotAuthentic", SEALED + b"\0"),
    bad("unknown key id", "UnknownKey", SEALED[:1] + struct.pack(">I", 3) + SEALED[5:]),
    bad("key id in the wrong byte order", "UnknownKey", SEALED[:1] + struct.pack("<I", 1) + SEALED[5:]),
    bad("another key's id", "NotAuthentic", SEALED[:1] + struct.pack(">I", 2) + SEALED[5:]),
    bad("nonce", "NotAuthentic", flip(5)),
    bad("last byte of the nonce", "NotAuthentic", flip(16)),
    bad("ciphertext", "NotAuthentic", flip(17)),
    bad("first byte of the tag", "NotAuthentic", flip(len(SEALED) - 16)),
    bad("last byte of the tag", "NotAuthentic", flip(len(SEALED) - 1)),
    bad("tag of zeros", "NotAuthentic", SEALED[:-16] + bytes(16)),
    bad("another vault", "NotAuthentic", c=other(vault=123456789013)),
    bad("another secret", "NotAuthentic", c=other(uid=flip(15, bytes.fromhex(VALUE["uid"])).hex())),
    bad("another number", "NotAuthentic", c=other(number=4)),
    bad("another version id", "NotAuthentic", c=other(version=flip(0, bytes.fromhex(VALUE["version"])).hex())),
    bad("another kind", "NotAuthentic", c=other(kind=2)),
    bad("uid and version id exchanged", "NotAuthentic", c=other(uid=VALUE["version"], version=VALUE["uid"])),
    bad("a value as a credential", "NotAuthentic", c=CREDENTIAL),
    bad("a credential as a value", "NotAuthentic", bytes.fromhex(GOOD[6]["sealed"])),
    bad("another credential", "NotAuthentic", bytes.fromhex(GOOD[6]["sealed"]), {**CREDENTIAL, "id": "AKIACOFFEREXAMPLE002"}),
    bad("a credential whose id is longer by a NUL", "NotAuthentic", bytes.fromhex(GOOD[6]["sealed"]), {**CREDENTIAL, "id": CREDENTIAL["id"] + "\0"}),
    bad("a credential as configuration of that id", "NotAuthentic", bytes.fromhex(GOOD[6]["sealed"]), {**CREDENTIAL, "purpose": 3}),
    bad("kind bound by the key but not by the data", "NotAuthentic", (lambda h, p, n: h + n + AESGCM(
        expand(prk_of(KEYS[1]), b"coffer/seal\0" + h + p[:-1])).encrypt(n, PLAIN, h + p[:-1]))(struct.pack(">BI", 1, 1), context_bytes(VALUE), fixed("k", 12))),
    bad("key of the version, no associated data", "NotAuthentic", (lambda h, p, n: h + n + AESGCM(
        expand(prk_of(KEYS[1]), b"coffer/seal\0" + h + p[:-1])).encrypt(n, PLAIN, None))(struct.pack(">BI", 1, 1), context_bytes(VALUE), fixed("a", 12))),
    bad("data key used directly", "NotAuthentic", (lambda h, p, n: h + n + AESGCM(KEYS[1]).encrypt(n, PLAIN, h + p))(struct.pack(">BI", 1, 1), context_bytes(VALUE), fixed("d", 12))),
]
write("sealed-values.json", {"dataKeys": [{"id": i, "key": k.hex()} for i, k in KEYS.items()], "good": GOOD, "bad": BAD})

# --- MACs of rows, derived keys --------------------------------------------------------------------------------------
NEWEST = max(KEYS)
ROW = [("text", "shop-dev"), ("long", 123456789012), ("none", None), ("int", -1), ("uint128", fixed("uid", 16).hex()),
       ("guid", "00112233-4455-6677-8899-aabbccddeeff"), ("bytes", "00ff"), ("text", ""), ("text", "z\u00fcrich \U0001f511")]
write("row-macs.json", {
    "dataKeys": [{"id": i, "key": k.hex()} for i, k in KEYS.items()],
    "fields": [{"type": t, "value": v} for t, v in ROW],
    "canonical": row(*ROW).hex(),
    "macs": [{"kind": kind, "mac": (struct.pack(">I", NEWEST) + mac(expand(prk_of(KEYS[NEWEST]), b"coffer/mac\0" + bytes([kind])), row(*ROW))).hex()} for kind in range(1, 15)],
    "index": {"token": b"coffer-token".hex(), "hash": mac(expand(prk_of(KEYS[1]), b"coffer/key\0token-index"), b"coffer-token").hex()},
    "derived": {"purpose": "page-tokens", "key": expand(prk_of(KEYS[1]), b"coffer/key\0purpose/page-tokens").hex()},
})

# --- key table -------------------------------------------------------------------------------------------------------
SEALING, ROOT, SCALAR = fixed("sealing key", 32), fixed("root key", 32), fixed("audit key", 32)
PUBLIC = ec.derive_private_key(int.from_bytes(SCALAR, "big"), ec.SECP256R1()).public_key().public_bytes(
    serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def wrap(outer, label, key, data, nonce):
    return b"\1" + nonce + AESGCM(hkdf(outer, None, label)).encrypt(nonce, key, b"\1" + data)


def parameter_fields(p):
    def opt(kind, name):
        return (kind, p[name]) if name in p else ("none", None)
    salt = ("bytes", base64.b64decode(p["salt"]).hex() if "salt" in p else "")
    digests = p.get("shareDigests", [])
    return [("text", p["type"]), ("text", p["keyFingerprint"]), salt, opt("int", "memoryKib"), opt("int", "passes"), opt("int", "lanes"),
            opt("int", "threshold"), opt("int", "shares"), opt("text", "setId"), ("int", len(digests))] + [("bytes", base64.b64decode(d).hex()) for d in digests]


def table(revision, parameters, keys):
    root = wrap(SEALING, b"coffer/root-key", ROOT, row(*parameter_fields(parameters)), fixed("n root", 12))
    audit = wrap(ROOT, b"coffer/audit-key", SCALAR, PUBLIC, fixed("n audit", 12))
    wrapped = [(i, 1700000000000000 + i, wrap(ROOT, b"coffer/data-key", k, row(("int", struct.unpack(">i", struct.pack(">I", i))[0]), ("long", 1700000000000000 + i)), fixed("n%d" % i, 12))) for i, k in keys.items()]
    covered = [("int", 1), ("long", revision)] + parameter_fields(parameters) + [("bytes", root.hex()), ("bytes", PUBLIC.hex()), ("bytes", audit.hex()), ("int", len(wrapped))]
    for i, created, w in wrapped:
        covered += [("int", struct.unpack(">i", struct.pack(">I", i))[0]), ("long", created), ("bytes", w.hex())]
    return {
        "revision": revision,
        "seal": {"layout": 1, "seal": parameters, "root": b64(root), "auditPublicKey": b64(PUBLIC), "auditPrivateKey": b64(audit), "mac": b64(mac(hkdf(ROOT, None, b"coffer/key-table"), row(*covered)))},
        "keys": [{"id": i, "createdAt": created, "wrapped": b64(w)} for i, created, w in wrapped],
    }


FINGERPRINT = mac(SEALING, b"coffer/fingerprint")[:8].hex()
write("key-table.json", {
    "sealingKey": SEALING.hex(),
    "auditKeyId": "p256-" + hashlib.sha256(PUBLIC).hexdigest()[:16],
    "auditMac": {"data": b"head".hex(), "mac": mac(hkdf(SCALAR, b"coffer/audit-key/1", b"coffer/audit-mac\0"), b"head").hex()},
    "tables": [
        table(1, {"type": "test", "keyFingerprint": FINGERPRINT}, {1: KEYS[1]}),
        table(9, {"type": "test", "keyFingerprint": FINGERPRINT, "salt": b64(fixed("salt", 16)), "memoryKib": 65536, "passes": 3, "lanes": 1, "threshold": 2, "shares": 3,
                  "setId": "0011223344556677", "shareDigests": [b64(fixed("d1", 32)), b64(fixed("d2", 32)), b64(fixed("d3", 32))]}, KEYS),
    ],
})


# --- Shamir ----------------------------------------------------------------------------------------------------------
# By tables of logarithms to the base 3, which the program does not use.
EXP, LOG = [0] * 510, [0] * 256
x = 1
for power in range(255):
    EXP[power] = EXP[power + 255] = x
    LOG[x] = power
    x ^= (x << 1) ^ (0x11B if x & 0x80 else 0)


def times(a, b):
    return EXP[LOG[a] + LOG[b]] if a and b else 0


def split(secret, coefficients, count):
    out = []
    for i in range(1, count + 1):
        share = bytearray(secret)
        power = 1
        for c in coefficients:
            power = times(power, i)
            share = bytearray(s ^ times(b, power) for s, b in zip(share, c))
        out.append(bytes(share))
    return out


def text(set_id, threshold, index, value):
    payload = b"\1" + set_id + bytes([threshold, index]) + value
    payload += hashlib.sha256(b"coffer/share" + payload).digest()[:4]
    return "coffer-share-" + base64.b32encode(payload).decode().lower().rstrip("="), b64(hashlib.sha256(payload).digest())


SHARED, SET = fixed("shared secret", 32), fixed("set", 8)
POINTS = split(SHARED, [fixed("c1", 32), fixed("c2", 32)], 5)
TEXTS = [text(SET, 3, i + 1, v) for i, v in enumerate(POINTS)]
first = TEXTS[0][0]
write("shamir.json", {
    "products": [[a, b, times(a, b)] for a, b in [(0, 7), (1, 255), (2, 128), (87, 131), (255, 255), (83, 202), (16, 16)]],
    "secret": SHARED.hex(),
    "parameters": {"type": "shamir", "keyFingerprint": mac(SHARED, b"coffer/fingerprint")[:8].hex(), "threshold": 3, "shares": 5, "setId": SET.hex(), "shareDigests": [t[1] for t in TEXTS]},
    "shares": [t[0] for t in TEXTS],
    "foreign": text(fixed("other set", 8), 3, 2, POINTS[1])[0],
    "wrong": text(SET, 3, 2, fixed("wrong value", 32))[0],
    "wrongIndex": text(SET, 3, 6, POINTS[1])[0],
    "malformed": ["", "coffer-share-", first[:-1], first + "a", first.replace("coffer-share-", "coffer-shar3-"), first[:20] + "1" + first[21:], first[:20] + " " + first[21:],
                  first[:-1] + chr(ord(first[-1]) + 1), "\u00e4" + first[1:]],
    "mistyped": first[:40] + ("b" if first[40] == "a" else "a") + first[41:],
})
sys.stdout.write("written\n")
