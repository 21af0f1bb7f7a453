#!/usr/bin/env python3
"""fetch_sdist.py PACKAGE VERSION FOLDER: download a package's source archive from PyPI, check its hash, unpack it."""

import hashlib
import json
import pathlib
import sys
import tarfile
import urllib.request


def main():
    package, version, folder = sys.argv[1:]
    with urllib.request.urlopen(f"https://pypi.org/pypi/{package}/{version}/json") as answer:
        files = json.load(answer)["urls"]
    source = next(f for f in files if f["packagetype"] == "sdist")
    with urllib.request.urlopen(source["url"]) as answer:
        data = answer.read()
    found = hashlib.sha256(data).hexdigest()
    if found != source["digests"]["sha256"]:
        sys.exit(f"{source['filename']}: hash {found} is not the one that PyPI states")
    path = pathlib.Path(folder) / source["filename"]
    path.write_bytes(data)
    with tarfile.open(path) as archive:
        archive.extractall(folder, filter="data")
    path.unlink()


if __name__ == "__main__":
    main()
