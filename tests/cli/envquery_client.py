# A Mac of somebody else's making: what it knows is the description of the exchange, PyJWT and curl.
import json
import secrets
import subprocess
import sys
import time

import jwt

told = json.load(sys.stdin)


def token(**changes):
    now = int(time.time())
    claims = {
        "iss": told["customer"],
        "aud": told["url"],
        "iat": now,
        "exp": now + 60,
        "jti": secrets.token_hex(16),
        "local_ip": "10.1.2.3",
    }
    algorithm = changes.pop("algorithm", "HS256")
    key = changes.pop("key", told["token"])
    claims.update(changes)
    return jwt.encode(claims, key, algorithm=algorithm), claims


def curl(url, *arguments, pin=told["pin"]):
    command = ["curl", "--silent", "--show-error", "--noproxy", "*", "--cacert", told["certificate"]]
    command += ["--pinnedpubkey", "sha256//" + pin, "--resolve", told["resolve"]]
    command += ["--resolve", told["pods_resolve"], "--path-as-is"]
    command += ["--write-out", "\n%{http_code} %{content_type}", *arguments, url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    if done.returncode != 0:
        return None, "", done.stderr
    body, _, last = done.stdout.rpartition("\n")
    status, _, kind = last.partition(" ")
    return int(status), kind, body


def ask(question, *arguments, kind="application/jwt", **more):
    arguments = ["--header", "Content-Type: " + kind, "--data-binary", question, *arguments]
    return curl(told["url"] + "/v1/repository", *arguments, **more)


def main():
    seen = {}
    question, claims = token()
    status, kind, body = ask(question)
    assert (status, kind) == (200, "application/jwt"), (status, kind, body)
    answer = jwt.decode(
        body,
        told["token"],
        algorithms=["HS256"],
        audience=told["customer"],
        issuer=told["url"],
        options={"require": ["iss", "aud", "iat", "exp", "jti", "repo_url", "repo_authorization"]},
    )
    assert answer["jti"] == claims["jti"] and answer["exp"] == answer["iat"] + 60
    seen["answer"] = answer

    wrong = {
        "replayed": question,
        "unknown": token(iss="Nobody")[0],
        "none": token(algorithm="none", key="")[0],
        "hs512": token(algorithm="HS512")[0],
        "wrong key": token(key="x" * 32)[0],
        "wrong audience": token(aud="https://elsewhere.example.com")[0],
        "stale": token(iat=int(time.time()) - 200, exp=int(time.time()) - 140)[0],
        "future": token(iat=int(time.time()) + 140, exp=int(time.time()) + 200)[0],
        "long-lived": token(exp=int(time.time()) + 3600)[0],
        "oversized": "x" * 20000,
        "garbage": "garbage",
    }
    refusals = {name: ask(sent) for name, sent in wrong.items()}
    refusals["wrong type"] = ask(token()[0], kind="application/json")
    for name, refusal in refusals.items():
        assert refusal == refusals["unknown"], (name, refusal)
    seen["refusal"] = refusals["unknown"]

    absolute = told["url"] + "/v1/repository"
    crooked = [
        ["--header", "Via: 1.1 proxy"],
        ["--header", "Forwarded: for=10.1.1.1"],
        ["--header", "X-Forwarded-For: 10.1.1.1"],
        ["--header", "X-Forwarded-Proto: https"],
        ["--header", "Proxy-Connection: keep-alive"],
        ["--header", "Host: elsewhere.example.com"],
        ["--request-target", absolute],
    ]
    for arguments in crooked:
        status, _, body = ask(token()[0], *arguments)
        assert status == 400, (arguments, status, body)
    # The pin is what decides, although the certificate is trusted.
    status, _, error = ask(token()[0], pin="47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
    assert status is None, (status, error)

    authorization = ["--header", "Authorization: " + answer["repo_authorization"]]
    catalog = answer["repo_url"] + "/catalogs/production"
    status, kind, body = curl(catalog, *authorization)
    assert status == 200, (status, body)
    seen["catalog"] = body
    status, _, body = curl(catalog, *authorization, "--range", "0-4")
    assert (status, body) == (206, seen["catalog"][:5]), (status, body)
    for path in ["/pkgsinfo/Widget-1.0.plist", "/catalogs/../pkgsinfo/Widget-1.0.plist", "//catalogs/production"]:
        status, _, body = curl(answer["repo_url"] + path, *authorization)
        assert status == 404, (path, status, body)
    for other in [[], ["--user", "a:b"], ["--user", told["other"]]]:
        status, _, body = curl(catalog, *other)
        assert status == 401, (other, status, body)
    json.dump(seen, sys.stdout)


main()
