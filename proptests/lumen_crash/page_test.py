#!/usr/bin/env python3
"""Opens a timeline in Chromium without a window and looks at the page that its script has drawn.

usage: page_test.py LUMEN_CRASH      exit 0: as it should be; 1: not; 77: skipped, there is no Chromium
"""
import html.parser
import os
import shutil
import subprocess
import sys
import tempfile

CASE = """lumen-crash failure 2
build 0000000 some compiler
profile strict-posix
seed 7
rule 2
steps 9 -> 3
what
  key <b id=evil>k00</b> & "k01" are missing</script><script>document.title='evil'</script>
expected
  k00 = v1
got
  nothing
elsewhere
  drop-unsynced fails 1
  kill not-found 57
workload
  write durable k00=8
  write relaxed k01=900
  flush
faults
crash 26
  none
recovery-faults
end
"""


class Page(html.parser.HTMLParser):
    """Classes of the elements, and the text of those that the test asks about."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.classes = []
        self.ids = set()
        self.drawn = False
        self.texts = []
        self.in_script = False

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.in_script = tag == "script"
        self.drawn = self.drawn or attributes.get("data-drawn") == "yes"
        self.ids.add(attributes.get("id"))
        self.classes.append((tag, (attributes.get("class") or "").split()))

    def handle_endtag(self, tag):
        self.in_script = False

    def handle_data(self, data):
        if not self.in_script:
            self.texts.append(data)

    def count(self, tag, name):
        return sum(1 for found, classes in self.classes if found == tag and name in classes)


def require(holds, what):
    if not holds:
        sys.exit(f"page_test: {what}")


def dump(chromium, path, folder):
    # No sandbox: as root, in a container, there is none to be had; the page is ours.
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
               f"--user-data-dir={folder}/profile", "--dump-dom", f"file://{path}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, env={**os.environ, "HOME": folder},
                          check=False)
    require(done.returncode == 0, f"chromium ended with {done.returncode}: {done.stderr[-500:]}")
    return done.stdout


def main():
    lumen_crash = sys.argv[1]
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not chromium:
        print("page_test: SKIPPED: there is no Chromium to open the timeline in (Debian: chromium)")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        case = os.path.join(folder, "example.case")
        with open(case, "w", encoding="utf-8") as file:
            file.write(CASE)
        timeline = os.path.join(folder, "timeline.html")
        told = subprocess.run([lumen_crash, "explain", case, "--html", timeline], capture_output=True, text=True,
                              timeout=120, check=False)
        require(told.returncode == 0, f"explain ended with {told.returncode}: {told.stderr}")
        operations = [line for line in told.stdout.splitlines() if line[:5].strip().isdigit()]
        require(len(operations) > 6, "the story in text has too few operations to compare with")
        dom = dump(chromium, timeline, folder)
        report = os.path.join(folder, "report.html")
        told = subprocess.run([lumen_crash, "exhaust", "--profile", "kill", "--length", "1", "--html", report],
                              capture_output=True, text=True, timeout=120, check=False, cwd=folder)
        require(told.returncode == 0, f"exhaust ended with {told.returncode}: {told.stderr}")
        run = Page()
        run.feed(dump(chromium, report, folder))
    require(run.drawn and "exhausted" in run.texts and "exhaustive points" in run.texts,
            "the report does not say what was exhausted")
    page = Page()
    page.feed(dom)
    text = "\n".join(page.texts)
    require(page.drawn, "the script did not reach its end")
    require(page.count("li", "op") == len(operations),
            f"{page.count('li', 'op')} operations are drawn, {len(operations)} happened")
    require(page.count("li", "lost") > 0, "nothing is drawn as lost, though everything unsynced is")
    require(page.count("li", "sync") > 0, "no sync is drawn")
    require(page.count("li", "crash") == 1, "the crash is not drawn once")
    require(page.count("p", "elsewhere") == 1 and
            "also fails under: drop-unsynced; not found under: kill (57 states tested)" in text,
            "the other profiles are not shown")
    require(page.count("li", "client") > 0, "no client says anything")
    require(page.count("button", "lost") == 1, "the legend lacks the lost ones")
    require("k00 = v1" in text and "what was allowed" in text, "what was allowed is not shown")
    require('key <b id=evil>k00</b> & "k01" are missing</script>' in text, "what is wrong is not shown as it is")
    require("evil" not in page.ids and "<title>lumen-crash</title>" in dom, "data became markup")
    print(f"page_test: {len(operations)} operations drawn by {chromium}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
