"""Writes src/Coffer.Core/Access/People/canonical.txt: what Unicode says about canonical equivalence, one line a fact.

    D CODE FIRST [SECOND]   decomposes, and composes again
    X CODE FIRST [SECOND]   decomposes only
    C FIRST LAST CLASS      combining class of a range
"""
import sys
import unicodedata

lines = [f"# Unicode {unicodedata.unidata_version}, by eng/canonical-text.py"]
classes = []
for code in range(0x110000):
    if 0xD800 <= code <= 0xDFFF:
        continue
    text = chr(code)
    parts = unicodedata.decomposition(text)
    if parts and not parts.startswith("<"):
        kind = "D" if unicodedata.normalize("NFC", text) == text else "X"
        lines.append(f"{kind} {code:04X} {parts}")
    combining = unicodedata.combining(text)
    if combining:
        if classes and classes[-1][1] == code - 1 and classes[-1][2] == combining:
            classes[-1][1] = code
        else:
            classes.append([code, code, combining])
lines += [f"C {first:04X} {last:04X} {value}" for first, last, value in classes]
sys.stdout.write("\n".join(lines) + "\n")
