#!/usr/bin/python3
"""Whether a login takes as long for a name that nobody has as for a person's own with a wrong password.

    bench/login-alike.py [PERSONS]     three tries each, so 667 persons make 2,000 samples of either kind

A server of its own, over its local socket, so that no network hides a difference; the two kinds in random order. Prints the medians, and
how often a difference of ranks as large as the one seen comes about by chance (Mann-Whitney, two-sided).
"""
import http.client, json, math, os, random, secrets, socket, statistics, subprocess, sys, tempfile, threading, time

PERSONS = int(sys.argv[1]) if len(sys.argv) > 1 else 667
COFFER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "coffer")


class Local(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def call(connection, target, body):
    connection.request("POST", target, json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read() or b"{}")


def login(connection, name):
    body = json.dumps({"principal": name, "password": "wrong zebra, wired lamp"})
    begin = time.perf_counter()
    connection.request("POST", "/coffer/v1/login/password", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    took = time.perf_counter() - begin
    if answer.status != 401:
        sys.exit(f"a login was answered with {answer.status}")
    return took


def chance(known, unknown):
    ranked = sorted([(v, True) for v in known] + [(v, False) for v in unknown])
    ranks = sum(i + 1 for i, (_, is_known) in enumerate(ranked) if is_known)
    n, m = len(known), len(unknown)
    z = (ranks - n * (n + m + 1) / 2) / math.sqrt(n * m * (n + m + 1) / 12)
    return z, math.erfc(abs(z) / math.sqrt(2))


with tempfile.TemporaryDirectory() as folder:
    data = os.path.join(folder, "data")
    subprocess.run([COFFER, "init", "--data", data], check=True, stderr=subprocess.DEVNULL)
    server = subprocess.Popen([COFFER, "serve", "--data", data, "--listen", "127.0.0.1:0", "--rate", "0"], stderr=subprocess.PIPE, text=True)
    try:
        for line in server.stderr:
            if "serving on" in line:
                break
        # Read and dropped, so that the server never waits for us.
        threading.Thread(target=server.stderr.read, daemon=True).start()
        connection = Local(os.path.join(data, "coffer.sock"))
        people = [f"person-{i}" for i in range(PERSONS)]
        for person in people:
            call(connection, "/coffer/v1/principals", {"name": person, "kind": "person"})
            _, invitation = call(connection, f"/coffer/v1/principals/{person}/invitation", {})
            status, answer = call(connection, "/coffer/v1/login/invitation", {"invitation": invitation["invitation"], "password": "correct zebra, wired lamp"})
            if status != 200:
                sys.exit(f"no password was set: {answer}")
        tries = [(person, True) for person in people for _ in range(3)] + [(f"nobody-{secrets.token_hex(6)}", False) for _ in range(3 * PERSONS)]
        random.SystemRandom().shuffle(tries)
        for _ in range(3):
            login(connection, f"warm-{secrets.token_hex(6)}")
        took = {True: [], False: []}
        for name, known in tries:
            took[known].append(login(connection, name) * 1000)
        z, p = chance(took[True], took[False])
        for known, label in ((True, "a person's name, a wrong password"), (False, "a name that nobody has")):
            quarters = statistics.quantiles(took[known], n=4)
            print(f"{label:34} {len(took[known])} samples, median {quarters[1]:.2f} ms, quartiles {quarters[0]:.2f} to {quarters[2]:.2f}")
        print(f"difference of medians {statistics.median(took[True]) - statistics.median(took[False]):+.3f} ms; z {z:+.2f}, by chance {p:.2f}")
    finally:
        server.terminate()
        server.wait()
