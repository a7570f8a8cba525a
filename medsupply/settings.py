"""Settings, read from the environment once at an edge (command line, DAG, page) and passed on from there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from medsupply.errors import SettingsError

LANGUAGES = ("fi", "sv", "en")
# A process that reads deliveries holds this much before its first file; with less it would refuse every one.
LEAST_PARSER_MEMORY = 500_000_000
# What the service itself still reads may not go: scores look back 26 weeks, corrections and mails two to four.
LEAST_KEPT = {
    "keep_done_days": 1,
    "keep_paths_days": 30,
    "keep_quantiles_days": 240,
    "keep_versions_days": 30,
    "keep_mails_days": 30,
    "keep_originals_days": 30,
}

VARIABLES: dict[str, str] = {
    "MEDSUPPLY_HOME": "Folder of the embedded database, the archive and the inbox. Default: ~/.medsupply",
    "MEDSUPPLY_DATABASE_URL": "A served PostgreSQL, postgresql://user:password@host/name. Empty: the embedded one",
    "MEDSUPPLY_ARCHIVE_URL": "Folder or s3:// address of archive and record. Default: MEDSUPPLY_HOME/archive",
    "MEDSUPPLY_SMTP_URL": "Mail relay: smtps://user:password@host:465 or smtp://host:587 (STARTTLS required)",
    "MEDSUPPLY_MAIL_FROM": "Sender address of mails",
    "MEDSUPPLY_BASE_URL": "Address of the dashboard, used in the links of mails",
    "MEDSUPPLY_LANGUAGE": "Language of pages and mails that name none: fi, sv or en. Default: fi",
    "MEDSUPPLY_OPERATOR_MAIL": "Address that gets operations mails of the watchdog",
    "MEDSUPPLY_WATCHDOG_SMTP_URL": "Relay of the watchdog's own mails. Default: MEDSUPPLY_SMTP_URL; best another one",
    "MEDSUPPLY_DIGEST_HOUR": "Hour in Helsinki from which the digest of the day before goes out, 0-23. Default: 7",
    "MEDSUPPLY_HEARTBEAT_URL": "Address that the watchdog calls each time all is well",
    "MEDSUPPLY_CLOSED_AFTER_DAYS": "Days after which a report day is closed: one file of the record. Default: 7",
    "MEDSUPPLY_MAX_FILE_BYTES": "Bytes of a file of a delivery, at most. Default: 500000000",
    "MEDSUPPLY_MAX_UNPACKED_BYTES": "Bytes of a gzip or Parquet file when unpacked, at most. Default: 1500000000",
    "MEDSUPPLY_MAX_ROWS": "Rows of a file of a delivery, at most. Default: 20000000",
    "MEDSUPPLY_MAX_COLUMNS": "Columns of a file of a delivery, at most. Default: 200",
    "MEDSUPPLY_PARSER_MEMORY_BYTES": "Memory of each process that reads deliveries, at most. Default: 3500000000",
    "MEDSUPPLY_PARSER_SECONDS": "Seconds to read a delivery, and one more for each megabyte, at most. Default: 60",
    "MEDSUPPLY_KEEP_DONE_DAYS": "Days that loaded files stay in .done of the inbox; 0: for ever. Default: 30",
    "MEDSUPPLY_KEEP_PATHS_DAYS": "Days that sample paths of forecasts stay, 30 or more; 0: for ever. Default: 60",
    "MEDSUPPLY_KEEP_QUANTILES_DAYS": "Days that quantiles of forecasts stay, 240 or more; 0: for ever. Default: 400",
    "MEDSUPPLY_KEEP_VERSIONS_DAYS": "Days that replaced daily sums stay, 30 or more; 0: for ever. Default: 400",
    "MEDSUPPLY_KEEP_MAILS_DAYS": "Days that the text of mails stays, 30 or more; 0: for ever. Default: 400",
    "MEDSUPPLY_KEEP_ORIGINALS_DAYS": "Days that quarantine keeps texts of rows, 30 or more; 0: for ever. Default: 400",
    "MEDSUPPLY_WORKERS": "Worker processes for fits and parsing. Default: number of processors",
}


@dataclass(frozen=True)
class Settings:
    """What the environment says. Secrets are kept out of ``repr``."""

    home: Path
    database_url: str = field(default="", repr=False)
    archive_url: str = ""
    smtp_url: str = field(default="", repr=False)
    mail_from: str = "medsupply@localhost"
    base_url: str = "http://localhost:8501"
    language: str = "fi"
    operator_mail: str = ""
    digest_hour: int = 7
    heartbeat_url: str = field(default="", repr=False)
    watchdog_smtp_url: str = field(default="", repr=False)
    workers: int = 0
    closed_after_days: int = 7
    max_file_bytes: int = 500_000_000
    max_unpacked_bytes: int = 1_500_000_000
    max_rows: int = 20_000_000
    max_columns: int = 200
    parser_memory_bytes: int = 3_500_000_000
    parser_seconds: int = 60
    keep_done_days: int = 30
    keep_paths_days: int = 60
    keep_quantiles_days: int = 400
    keep_versions_days: int = 400
    keep_mails_days: int = 400
    keep_originals_days: int = 400

    @property
    def inbox(self) -> Path:
        return self.home / "inbox"

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Settings:
        """Settings from ``environ``. Raises SettingsError naming the variable and what to write there."""
        value = _reader(environ)
        home = Path(value("HOME") or Path.home() / ".medsupply").expanduser().absolute()
        language = value("LANGUAGE") or "fi"
        if language not in LANGUAGES:
            raise SettingsError(f"MEDSUPPLY_LANGUAGE is {language!r}", f"Use one of {', '.join(LANGUAGES)}")
        return cls(
            home=home,
            database_url=_postgres(value("DATABASE_URL")),
            archive_url=value("ARCHIVE_URL") or str(home / "archive"),
            smtp_url=_smtp(value("SMTP_URL")),
            mail_from=value("MAIL_FROM") or cls.mail_from,
            base_url=(value("BASE_URL") or cls.base_url).rstrip("/"),
            language=language,
            operator_mail=value("OPERATOR_MAIL"),
            digest_hour=_hour("DIGEST_HOUR", value("DIGEST_HOUR"), cls.digest_hour),
            heartbeat_url=value("HEARTBEAT_URL"),
            watchdog_smtp_url=_smtp(value("WATCHDOG_SMTP_URL")),
            workers=_whole("WORKERS", value("WORKERS"), 0),
            closed_after_days=_whole("CLOSED_AFTER_DAYS", value("CLOSED_AFTER_DAYS"), cls.closed_after_days),
            max_file_bytes=_limit("MAX_FILE_BYTES", value("MAX_FILE_BYTES"), cls.max_file_bytes),
            max_unpacked_bytes=_limit("MAX_UNPACKED_BYTES", value("MAX_UNPACKED_BYTES"), cls.max_unpacked_bytes),
            max_rows=_limit("MAX_ROWS", value("MAX_ROWS"), cls.max_rows),
            max_columns=_limit("MAX_COLUMNS", value("MAX_COLUMNS"), cls.max_columns),
            parser_memory_bytes=_limit(
                "PARSER_MEMORY_BYTES", value("PARSER_MEMORY_BYTES"), cls.parser_memory_bytes, LEAST_PARSER_MEMORY
            ),
            parser_seconds=_limit("PARSER_SECONDS", value("PARSER_SECONDS"), cls.parser_seconds),
            keep_done_days=_kept("KEEP_DONE_DAYS", value("KEEP_DONE_DAYS")),
            keep_paths_days=_kept("KEEP_PATHS_DAYS", value("KEEP_PATHS_DAYS")),
            keep_quantiles_days=_kept("KEEP_QUANTILES_DAYS", value("KEEP_QUANTILES_DAYS")),
            keep_versions_days=_kept("KEEP_VERSIONS_DAYS", value("KEEP_VERSIONS_DAYS")),
            keep_mails_days=_kept("KEEP_MAILS_DAYS", value("KEEP_MAILS_DAYS")),
            keep_originals_days=_kept("KEEP_ORIGINALS_DAYS", value("KEEP_ORIGINALS_DAYS")),
        )


class _reader:
    """Reads MEDSUPPLY_<NAME>, or the file that MEDSUPPLY_<NAME>_FILE names."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ

    def __call__(self, name: str) -> str:
        variable = f"MEDSUPPLY_{name}"
        path = self.environ.get(f"{variable}_FILE", "")
        if not path:
            return self.environ.get(variable, "").strip()
        if self.environ.get(variable):
            raise SettingsError(f"{variable} and {variable}_FILE are both set", "Keep one of them")
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SettingsError(
                f"{variable}_FILE names {path}, which cannot be read ({error.strerror})",
                "Check the path and its permissions",
            ) from error


def _postgres(url: str) -> str:
    if url and urlsplit(url).scheme not in ("postgresql", "postgres", "postgresql+psycopg"):
        raise SettingsError(
            "MEDSUPPLY_DATABASE_URL is no PostgreSQL address", "Write postgresql://user:password@host/name"
        )
    return url


def _smtp(url: str) -> str:
    if not url:
        return url
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise SettingsError(
            "MEDSUPPLY_SMTP_URL is no mail relay address", "Write smtps://user:password@host:465 or smtp://host:587"
        )
    if not _usable(parts):
        raise SettingsError(
            "MEDSUPPLY_SMTP_URL has a host, port, user or password that no relay can be given",
            "Write smtps://user:password@host:465 with a port up to 65535 and letters without accents",
        )
    if "starttls=off" in parts.query and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise SettingsError(
            f"MEDSUPPLY_SMTP_URL switches STARTTLS off for {parts.hostname}",
            "Remove ?starttls=off; it is accepted for this machine's own address only",
        )
    return url


def _usable(parts: SplitResult) -> bool:
    """Whether the parts of a relay's address can be sent: SMTP logins and host names are ASCII."""
    try:
        (parts.hostname or "").encode("idna")
        port = parts.port
    except ValueError:
        return False
    return port != 0 and all(unquote(one or "").isascii() for one in (parts.username, parts.password))


def _whole(name: str, text: str, default: int) -> int:
    if text and not text.isdigit():
        raise SettingsError(f"MEDSUPPLY_{name} is {text!r}", "Write a whole number, or leave it empty")
    return int(text) if text else default


def _kept(name: str, text: str) -> int:
    """Days; 0 means for ever."""
    found, least = _whole(name, text, getattr(Settings, name.lower())), LEAST_KEPT[name.lower()]
    if 0 < found < least:
        raise SettingsError(f"MEDSUPPLY_{name} is {found}", f"Write {least} or more, 0 for ever, or leave it empty")
    return found


def _hour(name: str, text: str, default: int) -> int:
    found = _whole(name, text, default)
    if found > 23:
        raise SettingsError(f"MEDSUPPLY_{name} is {found}", "Write an hour from 0 to 23, or leave it empty")
    return found


def _limit(name: str, text: str, default: int, least: int = 1) -> int:
    found = _whole(name, text, default)
    if found < least:
        raise SettingsError(f"MEDSUPPLY_{name} is {found}", f"Write {least} or more, or leave it empty")
    return found
