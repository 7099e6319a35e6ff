"""What belongs to the source tree: the files that git knows or would take."""
import os
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def list_files(*suffixes, under=("",)):
    """Paths relative to ROOT, sorted, of existing files that end and start as given."""
    names = git_files()
    if names is None:
        names = list(walk_tree())
    return sorted({name for name in names
                   if name.endswith(tuple(suffixes)) and name.startswith(tuple(under))
                   and os.path.isfile(os.path.join(ROOT, name))})


def git_files():
    """None: a release archive has no history, or there is no git to read it."""
    try:
        listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT,
                                check=False, capture_output=True, text=True)
    except FileNotFoundError:
        return None
    if listed.returncode:
        return None
    return [name for name in listed.stdout.split("\0") if name]


def walk_tree():
    for folder, folders, leaves in os.walk(ROOT):
        folders[:] = [name for name in folders
                      if name not in (".git", "build", "node_modules", "dist", "data")]
        for leaf in leaves:
            yield os.path.relpath(os.path.join(folder, leaf), ROOT)


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="replace") as file:
        return file.read()


C_FOLDERS = ("src/", "worker/", "tests/", "bench/")


def c_sources():
    return list_files(".c", under=C_FOLDERS)


def c_headers():
    return list_files(".h", under=C_FOLDERS)
