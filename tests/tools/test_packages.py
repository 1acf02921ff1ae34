#!/usr/bin/python3
"""The installation of Debian packages (deploy/lib/packages.sh): what it says and when it ends. Nothing of the machine is
touched: root's commands are stood in for, and what is installed is a file."""
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# update, install: whether they succeed; installs: whether afterwards the packages are there.
SCRIPT = """
set -euo pipefail
cd "$1"
. "$2/deploy/lib/ui.sh"
. "$2/deploy/lib/packages.sh"
update=$3 install=$4 installs=$5
dpkg-query() { if grep -qx "${@: -1}" there; then echo 'install ok installed'; fi; }
apt-get() { :; }
packages_need_root() { :; }
as_root() {
    echo "$*" | head -1 >>asked
    case $1 in
        apt-get)
            if [ $update = fails ]; then echo 'E: The mirror is away'; return 100; fi ;;
        env)
            if [ $install = fails ]; then echo 'E: Unable to fetch'; return 100; fi
            if [ $installs = all ]; then printf 'one\\ntwo\\nthree\\n' >there; fi ;;
    esac
}
packages_ensure log list
echo went on
"""


class Packages(unittest.TestCase):
    def ensure(self, there, update="works", install="works", installs="all"):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = pathlib.Path(folder.name)
        (path / "list").write_text("one # the first\ntwo three\n")
        (path / "there").write_text("".join(f"{name}\n" for name in there))
        (path / "asked").write_text("")
        done = subprocess.run(["bash", "-c", SCRIPT, "packages", folder.name, ROOT, update, install, installs],
                              capture_output=True, text=True, timeout=30, check=False)
        return done, (path / "asked").read_text()

    def test_where_all_is_there_nothing_is_asked_for(self):
        done, asked = self.ensure(["one", "two", "three"], update="fails", install="fails")
        self.assertEqual((done.returncode, asked), (0, ""), done)
        self.assertIn("went on", done.stdout)
        self.assertEqual(done.stderr, "")

    def test_what_is_missing_is_installed_from_renewed_lists(self):
        done, asked = self.ensure(["one"])
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual(asked.splitlines()[0], "apt-get update -qq")
        self.assertEqual(done.stderr, "")
        self.assertIn("went on", done.stdout)

    def test_lists_that_cannot_be_renewed_are_told_aloud_with_what_to_do(self):
        done, _ = self.ensure(["one"], update="fails")
        self.assertEqual(done.returncode, 0, done)
        for said in ("apt-get update failed", "The mirror is away", "sources.list"):
            self.assertIn(said, done.stderr)

    def test_without_lists_and_packages_it_ends(self):
        done, _ = self.ensure(["one"], update="fails", install="fails")
        self.assertNotEqual(done.returncode, 0)
        self.assertNotIn("went on", done.stdout)
        for said in ("apt-get update failed", "Unable to fetch"):
            self.assertIn(said, done.stderr)

    def test_an_installation_that_leaves_some_out_ends_it_with_their_names(self):
        done, _ = self.ensure(["one"], update="fails", installs="nothing")
        self.assertNotEqual(done.returncode, 0)
        self.assertNotIn("went on", done.stdout)
        self.assertRegex(done.stderr, "still missing after the installation: three two")


if __name__ == "__main__":
    unittest.main()
