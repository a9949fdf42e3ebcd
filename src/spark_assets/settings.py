"""Settings: `SPARK_ASSETS_*` in the environment, then `spark-assets.toml` in the home, then the defaults.

Read by `cli` and `runtime` only; below them, values arrive as arguments.
"""

import os
import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit, urlunsplit

import platformdirs
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from spark_assets import __version__, failpoints
from spark_assets.domain.errors import OperatorError

PREFIX: Final = "SPARK_ASSETS_"
CONFIG_FILE: Final = "spark-assets.toml"
_WILDCARDS: Final = ("0.0.0.0", "::")  # compared with, not bound to
_OF_CLIENTS: Final = (f"{PREFIX}KEY", f"{PREFIX}PROFILE")
"""What clients read beside `BASE_URL`, perhaps in the same environment: no settings, and no mistakes either."""
_SECRETS: Final = ("signing_keys", "encryption_keys", "database_url", "moderator_token")
_ROOT_PATH: Final = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")
OWN_PLACES: Final = frozenset(
    {"api", "console", "docs", "healthz", "media", "metrics", "model", "monitor", "open", "openapi.json", "readyz", "s", "v1", "volc"}
)
"""What our own paths begin with: as a prefix before them it would leave open whether a proxy has taken it off."""

Price = Annotated[Decimal, Field(ge=0, le=1_000_000, decimal_places=6)]
"""US dollars for one completed task."""


class BadSettings(OperatorError):
    """A setting cannot be used; the message is one sentence that names it."""


class Settings(BaseSettings):
    """Every setting with its default; `docs/reference` explains them."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", validate_default=True)

    home: Path = Field(default_factory=lambda: platformdirs.user_data_path("spark-assets"))
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8080
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    ingest: bool = True
    """Whether `serve` also ingests; off where workers of their own do."""
    database_url: SecretStr = SecretStr("")
    storage_url: str = ""
    s3_endpoint: str | None = None
    base_url: str = ""
    root_path: str = ""
    delivery_url: str = ""
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    tls_cert: Path | None = None
    tls_key: Path | None = None
    source_allow: Annotated[tuple[str, ...], NoDecode] = ()
    source_ports: Annotated[frozenset[int], NoDecode] = frozenset({80, 443, 8080, 8443})
    media_policy: str = "ark"
    ingest_concurrency: Annotated[int, Field(ge=1, le=256)] = 16
    host_concurrency: Annotated[int, Field(ge=1, le=256)] = 6
    backlog: Annotated[int, Field(ge=1)] = 200_000
    project_backlog: Annotated[int, Field(ge=1)] = 100_000
    fetch_timeout: Annotated[float, Field(gt=0, le=3600)] = 60.0
    fetch_connect_timeout: Annotated[float, Field(gt=0, le=60)] = 5.0
    user_agent: Annotated[str, Field(pattern=r"^[\x20-\x7e]{0,200}$")] = ""
    moderator: str = ""
    moderator_allow: Annotated[tuple[str, ...], NoDecode] = ()
    moderator_timeout: Annotated[float, Field(gt=0, le=600)] = 10.0
    moderator_token: SecretStr = SecretStr("")
    webhook_allow: Annotated[tuple[str, ...], NoDecode] = ()
    webhook_timeout: Annotated[float, Field(gt=0, le=60)] = 15.0
    signing_keys: SecretStr = SecretStr("")
    encryption_keys: SecretStr = SecretStr("")
    limits: str = "off"
    failed_key_delay: Annotated[float, Field(ge=0, le=60)] = 2.0
    task_retention_days: Annotated[int, Field(ge=2, le=3650)] = 90
    trash_retention_days: Annotated[int, Field(ge=0, le=3650)] = 7
    event_retention_days: Annotated[int, Field(ge=1, le=3650)] = 7
    delivery_retention_days: Annotated[int, Field(ge=1, le=3650)] = 30
    audit_retention_days: Annotated[int, Field(ge=1, le=36_500)] = 365
    reading_retention_hours: Annotated[int, Field(ge=1, le=8760)] = 24
    source_retention_hours: Annotated[int, Field(ge=0, le=720)] = 24
    answer_retention_hours: Annotated[int, Field(ge=1, le=720)] = 24
    upload_retention_hours: Annotated[int, Field(ge=1, le=720)] = 24
    disk_reserve: Annotated[int, Field(ge=0)] = 2**30
    auto_migrate: bool = True
    drain_timeout: Annotated[float, Field(ge=0, le=600)] = 15.0
    metrics_listen: str = ""
    traces: Annotated[str, Field(pattern=r"^(off|https?://[^/?#@\s]+(/[^?#\s]*)?)?$")] = ""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "text", "json"] = "auto"
    region: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] = "local"
    price_create: Price = Decimal(0)
    price_create_group: Price = Decimal(0)
    price_get: Price = Decimal(0)
    price_get_group: Price = Decimal(0)
    price_list: Price = Decimal(0)
    price_list_groups: Price = Decimal(0)
    price_update: Price = Decimal(0)
    price_update_group: Price = Decimal(0)
    price_delete: Price = Decimal(0)
    price_delete_group: Price = Decimal(0)
    discount: Annotated[Decimal, Field(ge=0, le=100, decimal_places=6)] = Decimal(0)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then the file in the home."""
        home = init_settings().get("home") or os.environ.get(f"{PREFIX}HOME") or platformdirs.user_data_path("spark-assets")
        file = TomlConfigSettingsSource(settings_cls, toml_file=Path(home) / CONFIG_FILE)
        return init_settings, env_settings, file

    @field_validator("source_allow", "moderator_allow", "webhook_allow", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("source_ports", mode="before")
    @classmethod
    def _split_ports(cls, value: Any) -> Any:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("base_url", "delivery_url", "s3_endpoint")
    @classmethod
    def _check_url(cls, value: str | None) -> str | None:
        if not value:
            return value
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("it must be an address such as https://assets.example.com")
        return value.rstrip("/")

    @field_validator("base_url")
    @classmethod
    def _check_base_path(cls, value: str) -> str:
        cls._check_root_path(urlsplit(value).path)
        return value

    @field_validator("root_path")
    @classmethod
    def _check_root_path(cls, value: str) -> str:
        path = value.rstrip("/")
        if not _ROOT_PATH.fullmatch(path):
            raise ValueError("its path must be like /assets, of letters, digits, '.', '_', '~' and '-'")
        if path and path.split("/")[1] in OWN_PLACES:
            raise ValueError(f"our own addresses begin with /{path.split('/')[1]}; choose another path, such as /assets")
        return path

    @field_validator("database_url")
    @classmethod
    def _check_database(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and not value.get_secret_value().startswith(("sqlite:///", "postgresql://", "postgres://")):
            raise ValueError("it must begin with sqlite:/// or postgresql://")
        return value

    @field_validator("metrics_listen")
    @classmethod
    def _check_listen(cls, value: str) -> str:
        found = re.fullmatch(r"(?:[^\s:/\[\]]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})", value)
        if value and (found is None or not 1 <= int(found[1]) <= 65535):
            raise ValueError("it must be an address and a port, such as 127.0.0.1:9464 or [::1]:9464")
        return value

    @field_validator("moderator_token")
    @classmethod
    def _check_token(cls, value: SecretStr) -> SecretStr:
        if not re.fullmatch(r"[\x21-\x7e]{0,4096}", value.get_secret_value()):
            raise ValueError("it must be printable ASCII characters without spaces")
        return value

    @model_validator(mode="after")
    def _complete(self) -> "Settings":
        """Fill in what follows from other settings, and refuse what does not fit together."""
        self.home = self.home.expanduser().absolute()
        if not self.database_url.get_secret_value():
            self.database_url = SecretStr(f"sqlite:///{self.home / 'library.db'}")
        self.storage_url = self.storage_url or f"file://{self.home / 'blobs'}"
        self._complete_addresses()
        self.user_agent = self.user_agent or f"spark-assets/{__version__} (+{self.base_url})"
        if self.is_embedded and self.workers > 1:
            raise ValueError("WORKERS above 1 needs PostgreSQL: set SPARK_ASSETS_DATABASE_URL")
        if not self.is_embedded and not self.signing_keys.get_secret_value():
            raise ValueError("SIGNING_KEYS must be set on PostgreSQL, to the same 'id:secret' on every process")
        if not self.is_embedded and not self.encryption_keys.get_secret_value():
            raise ValueError("ENCRYPTION_KEYS must be set on PostgreSQL, to the same 'id:secret' on every process")
        return self

    def _complete_addresses(self) -> None:
        """The base URL ends with the root path, whichever of them names it."""
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("TLS_CERT and TLS_KEY must both be set, or neither")
        if self.host in _WILDCARDS and not self.base_url:
            raise ValueError(f"BASE_URL must be set when the server listens on {self.host}: it is the address that links begin with")
        host = f"[{self.host}]" if ":" in self.host else self.host
        base = urlsplit(self.base_url or f"{'http' if self.tls_cert is None else 'https'}://{host}:{self.port}")
        if base.path and self.root_path not in {"", base.path}:
            raise ValueError(f"ROOT_PATH must be the path of BASE_URL, which is {base.path}; leave it out, or leave the path out there")
        self.root_path = self.root_path or base.path
        self.base_url = urlunsplit(base._replace(path=self.root_path))
        self.delivery_url = self.delivery_url or self.base_url

    @property
    def is_embedded(self) -> bool:
        """Whether the database is SQLite: one process owns the home."""
        return self.database_url.get_secret_value().startswith("sqlite:")

    @property
    def metrics_address(self) -> tuple[str, int] | None:
        """Host and port where metrics are served to whoever asks; None: nowhere."""
        host, _, port = self.metrics_listen.rpartition(":")
        return (host.strip("[]"), int(port)) if host else None

    @property
    def sqlite_path(self) -> Path:
        """The database file of an embedded server."""
        return Path(self.database_url.get_secret_value().removeprefix("sqlite:///"))


def load_settings(**overrides: Any) -> Settings:
    """The effective settings; overrides that are None do not count. Raises BadSettings."""
    _refuse_unknown_variables()
    given = {name: value for name, value in overrides.items() if value is not None}
    given |= {name: secret for name, secret in _secrets_from_files().items() if name not in given}
    try:
        return Settings(**given)
    except ValidationError as error:
        raise BadSettings(_sentence(error)) from None
    except ValueError as error:  # a config file that is not TOML
        raise BadSettings(f"{CONFIG_FILE} cannot be read: {error}") from None


def arm_failpoint() -> None:
    """Arm the failpoint that a test has named in the environment: it is no setting, and no file may hold it. Raises BadSettings."""
    try:
        failpoints.arm(os.environ.get(failpoints.VARIABLE, ""))
    except failpoints.UnknownFailpoint as error:
        raise BadSettings(f"{failpoints.VARIABLE} is for tests and cannot be used: {error}") from None


def _refuse_unknown_variables() -> None:
    """A misspelt setting must not be taken for none."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    known |= {f"{PREFIX}{name.upper()}_FILE" for name in _SECRETS} | {failpoints.VARIABLE, *_OF_CLIENTS}
    unknown = sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)
    if unknown:
        raise BadSettings(f"{unknown[0]} is not a setting of spark-assets")


def _secrets_from_files() -> dict[str, str]:
    """Every secret setting also has a form that names a file."""
    found = {}
    for name in _SECRETS:
        variable = f"{PREFIX}{name.upper()}_FILE"
        path = os.environ.get(variable)
        if path:
            try:
                found[name] = Path(path).read_text().strip()
            except OSError as error:
                raise BadSettings(f"{variable} names a file that cannot be read: {error.strerror}") from None
    return found


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    message = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return f"{PREFIX}{message}"
    name = f"{PREFIX}{str(first['loc'][0]).upper()}"
    if first["type"] == "extra_forbidden":
        return f"{name} is not a setting of spark-assets"
    return f"{name} cannot be used: {message[0].lower()}{message[1:]}"
