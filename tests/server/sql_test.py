#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The server's SQL keeps to the subset of docs/operations/store.md.

Arguments: the source folder.  Every statement in server/*.c is taken out of
the source and held against the subset; where PostgreSQL is installed, it has
to understand each of them too."""
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile

VERBS = {"SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "DROP"}
# What store/sqlite.c says to its engine alone.
ENGINE = {"PRAGMA", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE"}
WORDS = set("""
ADD ALTER AND AS ASC BIGINT BLOB BY CAST COALESCE COLUMN CONFLICT COUNT CREATE
DEFAULT DELETE DESC DISTINCT DO DROP EXISTS FROM IF IN INDEX INSERT INTO JOIN
KEY LEFT LENGTH LIMIT MAX MIN NOT NOTHING NULL ON OR ORDER PRIMARY RETURNING
SELECT SET SUM TABLE TEXT UNIQUE UPDATE VALUES WHERE IS EXCLUDED
""".split())
# Words that PostgreSQL keeps for itself (appendix C, reserved).
RESERVED = set("""
ALL ANALYSE ANALYZE ANY ARRAY ASYMMETRIC AUTHORIZATION BINARY BOTH CASE CHECK
COLLATE COLLATION CONCURRENTLY CONSTRAINT CROSS CURRENT_CATALOG CURRENT_DATE
CURRENT_ROLE CURRENT_SCHEMA CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER
DEFERRABLE ELSE END EXCEPT FALSE FETCH FOR FOREIGN FREEZE FULL GRANT GROUP
HAVING ILIKE INITIALLY INNER INTERSECT ISNULL LATERAL LEADING LIKE LOCALTIME
LOCALTIMESTAMP NATURAL NOTNULL OFFSET ONLY OUTER OVERLAPS PLACING REFERENCES
RIGHT SESSION_USER SIMILAR SOME SYMMETRIC TABLESAMPLE THEN TO TRAILING TRUE
UNION USER USING VARIADIC VERBOSE WHEN WINDOW WITH
""".split())
# What one engine has and another has not, or has otherwise.
FOREIGN = [
    ("a sequence", r"AUTOINCREMENT|SERIAL|NEXTVAL|LAST_INSERT_ROWID"),
    ("SQLite's row numbers", r"\b(ROWID|OID|_ROWID_)\b"),
    ("INSERT OR, REPLACE", r"INSERT\s+OR\b|\bREPLACE\b"),
    ("a trigger, a view", r"\b(TRIGGER|VIEW)\b"),
    ("a lock", r"\bLOCK\b|ADVISORY|FOR\s+UPDATE"),
    ("the engine's clock", r"\b(DATETIME|STRFTIME|NOW|JULIANDAY|UNIXEPOCH)\b"),
    ("the engine's random numbers", r"\b(RANDOM|RANDOMBLOB)\b"),
    ("paging by counting", r"\bOFFSET\b"),
    ("patterns", r"\b(LIKE|GLOB|REGEXP|MATCH)\b"),
    ("text that is quoted otherwise", r'"|`|\['),
    ("bytes as text", r"\b[xX]'"),
    ("one value for many kinds", r"\b(IFNULL|NVL|TYPEOF|IIF)\b"),
    ("a table of the engine's", r"\b(SQLITE_\w+|PG_\w+|INFORMATION_SCHEMA)\b"),
    ("a foreign key, a check", r"\b(REFERENCES|CHECK|FOREIGN)\b"),
    ("a common table", r"\bWITH\b"),
    ("two statements", r";"),
    ("a placeholder without number", r"\?(?!\d)|[:@$]\w"),
]
# They are SQLite's past: another engine begins with today's tables.
STEPS = ", steps"
MACRO = re.compile(r'#define\s+(\w+)\s*((?:\\\n|\s*"[^"\n]*"|[ \t])*)')
LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"')


def literals(text):
    """Runs of literals that the compiler puts together; names between them
    are macros of the same file."""
    macros = {m[1]: "".join(LITERAL.findall(m[2]))
              for m in MACRO.finditer(text) if '"' in m[2]}
    text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.S)
    text = re.sub(r"^#.*(?:\\\n.*)*", "", text, flags=re.M)
    run = ""
    for m in re.finditer(LITERAL.pattern + r"|\b(\w+)\b|([^\s\w\"])", text):
        if m[3] is not None or (m[2] and m[2] not in macros):
            if run:
                yield run
            run = ""
        elif m[2]:
            run += macros[m[2]]
        else:
            run += m[1].replace('\\"', '"').replace("\\n", "\n")
    if run:
        yield run


def statements(text):
    """What of it is SQL; engine: what is said to SQLite alone."""
    for run in literals(text):
        word = run.split(" ", 1)[0]
        if word in VERBS and " " in run:
            yield run
        elif word in ENGINE and run.isupper():
            yield run


def faults(sql):
    """What in a statement is not of the subset."""
    bare = re.sub(r"'(?:[^']|'')*'", "''", sql)
    out = [name for name, pattern in FOREIGN
           if re.search(pattern, bare, re.I)]
    if re.search(r"\b[xX]'", sql):
        out.append("bytes as text")
    words = re.findall(r"(?<![?\w])[A-Za-z_]\w*", bare)
    shouted = {w for w in words if w.isupper() and len(w) > 1} - WORDS
    out += [f"{w}: not of the subset" for w in sorted(shouted)]
    out += [f"{w}: reserved" for w in sorted(set(words))
            if w.islower() and w.upper() in RESERVED]
    numbers = {int(n) for n in re.findall(r"\?(\d+)", bare)}
    if numbers != set(range(1, len(numbers) + 1)):
        out.append("placeholders are not ?1, ?2 ... without gaps")
    if sql.startswith("INSERT") and not re.match(
            r"INSERT INTO \w+ \([\w, ]+\) (VALUES|SELECT)\b", sql):
        out.append("columns are not named")
    if re.search(r"\bLIMIT\b", bare) and "ORDER BY" not in bare:
        out.append("LIMIT without ORDER BY")
    if re.search(r"\bSELECT \*", bare):
        out.append("SELECT *")
    if "ON CONFLICT" in bare and not re.search(
            r"ON CONFLICT \([\w, ]+\) DO (NOTHING( RETURNING \w+)?$|UPDATE SET )", bare):
        out.append("ON CONFLICT without its key")
    return out


def find_all(root):
    """{path: statements}; the steps from older schemas by themselves."""
    out = {}
    for folder, _, names in os.walk(os.path.join(root, "server")):
        for name in sorted(names):
            path = os.path.join(folder, name)
            if name.endswith(".c"):
                with open(path, encoding="utf-8") as f:
                    parts = f.read().split("vs_schema_steps[", 1)
                for part, what in zip(parts, ("", STEPS)):
                    found = list(statements(part))
                    if found:
                        out[os.path.relpath(path, root) + what] = found
    return out


class Postgres:
    """A cluster of its own, on a socket in a folder of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.bin = next((p for p in (
            os.path.dirname(os.path.realpath(shutil.which("postgres") or "")),
            "/usr/lib/postgresql/15/bin") if p and os.path.exists(
                os.path.join(p, "initdb"))), None)
        self.user = "nobody" if os.geteuid() == 0 else None
        self.data = os.path.join(folder, "data")

    def run(self, name, *args, text=None):
        """A program of it, as somebody it agrees to run as."""
        argv = [os.path.join(self.bin, name), *args]
        if self.user:
            argv = ["setpriv", f"--reuid={self.user}", "--regid=nogroup",
                    "--clear-groups", *argv]
        return subprocess.run(argv, input=text, capture_output=True,
                              text=True, check=False, timeout=120,
                              cwd=self.folder,
                              env={**os.environ, "LC_ALL": "C"})

    def start(self):
        """Whether it runs now."""
        if not self.bin or (self.user and not shutil.which("setpriv")):
            return False
        if self.user:
            os.chown(self.folder, pwd.getpwnam(self.user).pw_uid, -1)
        made = self.run("initdb", "-D", self.data, "-U", "voltseal",
                        "--no-sync", "-A", "trust", "-E", "UTF8",
                        "--locale=C")
        options = (f"-c listen_addresses= -c unix_socket_directories="
                   f"{self.folder} -c fsync=off")
        return made.returncode == 0 and self.run(
            "pg_ctl", "-D", self.data, "-w", "-l",
            os.path.join(self.folder, "log"), "-o", options,
            "start").returncode == 0

    def say(self, *sql):
        """What is said of statements, in order, each by itself."""
        said = self.run("psql", "-h", self.folder, "-U", "voltseal", "-X",
                        "-q", "-d", "postgres",
                        text="".join(s + ";\n" for s in sql))
        return said.stderr.strip()

    def stop(self):
        """Ends it."""
        self.run("pg_ctl", "-D", self.data, "-m", "immediate", "stop")


def understood(check, found):
    """PostgreSQL makes the tables and prepares every statement."""
    schema = found[os.path.join("server", "store", "schema.c")]
    with tempfile.TemporaryDirectory(prefix="voltseal-pg-") as folder:
        os.chmod(folder, 0o755)
        postgres = Postgres(folder)
        if not postgres.start():
            return False
        try:
            said = postgres.say("CREATE DOMAIN blob AS bytea", *schema)
            check("ERROR" not in said, "PostgreSQL makes the tables", said)
            plain = [s for path, all_of in found.items() for s in all_of
                     if not path.endswith((STEPS, "sqlite.c"))
                     and s.split()[0] in ("SELECT", "INSERT", "UPDATE",
                                          "DELETE")]
            kept = [s for s in plain if not re.search(
                r"\b(FROM|INTO|UPDATE) (ecu|label|watch)\b", s)]
            said = postgres.say(*[
                f"PREPARE s{n} AS " + re.sub(r"\?(\d+)", r"$\1", s)
                for n, s in enumerate(kept)])
            check("ERROR" not in said,
                  f"and prepares all {len(kept)} statements", said)
        finally:
            postgres.stop()
    return True


WRONG = [
    "SELECT rowid FROM device", "INSERT OR REPLACE INTO x (a) VALUES (?1)",
    "CREATE TABLE x (id INTEGER PRIMARY KEY AUTOINCREMENT)",
    "SELECT datetime('now') FROM x", "SELECT a FROM x LIMIT ?1",
    "SELECT a FROM x ORDER BY a LIMIT ?1 OFFSET ?2", "SELECT * FROM x",
    "SELECT a FROM x WHERE a LIKE 'b'", 'SELECT "a" FROM x',
    "SELECT a FROM x WHERE b = ?2", "SELECT a FROM x WHERE b = ?",
    "INSERT INTO x VALUES (?1)", "SELECT x'00' FROM y",
    "INSERT INTO x (a) VALUES (?1) ON CONFLICT DO NOTHING",
    "CREATE TABLE freeze (name TEXT PRIMARY KEY)", "SELECT a FROM x; DROP y",
    "CREATE TABLE x (a INTEGER)", "SELECT ifnull(a, 1) FROM x",
    "CREATE TRIGGER t", "SELECT name FROM sqlite_schema",
    "SELECT GROUP_CONCAT(a) FROM x",
]


def main():
    """TAP on standard output."""
    count = failed = 0

    def check(good, sentence, said=None):
        nonlocal count, failed
        count += 1
        failed += not good
        print(f"{'ok' if good else 'not ok'} {count} - {sentence}",
              flush=True)
        for line in str(said or "").splitlines()[:20] if not good else []:
            print("#   " + line)

    root = os.path.abspath(sys.argv[1])
    found = find_all(root)
    total = sum(map(len, found.values()))
    check(total > 100 and len(found) > 15,
          f"{total} statements are found in {len(found)} files", found.keys())
    for sql in WRONG:
        check(faults(sql), "is found: " + sql)
    for path, all_of in found.items():
        engine = path.endswith("sqlite.c")
        bad = [f"{what}: {s}" for s in all_of for what in faults(s)
               if not (engine and s.split()[0] in ENGINE)]
        if path.endswith(STEPS):  # what was there once may go
            bad = [b for b in bad if "freeze: reserved" not in b]
        check(not bad, path + " keeps to the subset", "\n".join(bad))
    if not understood(check, found):
        count += 1
        print(f"ok {count} - PostgreSQL understands it # SKIP no PostgreSQL "
              "here")
    print(f"1..{count}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
