"""All settings as one frozen tree, read once in the command line and handed down.

Sources, the later wins: defaults below, the TOML file named by `PLATESTREAM_CONFIG`, then `PLATESTREAM_*`
variables (`PLATESTREAM_KAFKA__BOOTSTRAP_SERVERS`). Unknown keys are refused. Secrets are paths, never values.
Each option is listed in docs/settings.md (held by a test).
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from platestream.errors import ConfigError

Port = Annotated[int, Field(ge=1, le=65535)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KafkaSettings(_Section):
    bootstrap_servers: str = Field("127.0.0.1:19092", description="brokers, host:port, comma separated")
    controller_port: Port = Field(19093, description="KRaft controller port of the embedded broker")
    replication_factor: int = Field(1, ge=1, description="copies of each topic when topics are created")
    read_partitions: int = Field(4, ge=1, description="partitions of plate-reads, and so of alerts")
    segment_seconds: int = Field(
        300, ge=1, description="how long a segment of reads and pictures takes records; its bytes go soon after"
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_SSL"] = Field("PLAINTEXT", description="how to talk to Kafka")
    ca_file: Path | None = Field(None, description="certificate authority for SSL")
    sasl_username: str | None = Field(None, description="SASL user (SCRAM-SHA-512)")
    sasl_password_file: Path | None = Field(None, description="file that holds the SASL password")


class RegistrySettings(_Section):
    url: str = Field("http://127.0.0.1:18081/apis/ccompat/v7", description="schema registry, Confluent API")


class CollectorSettings(_Section):
    host: str = Field("127.0.0.1", description="address the collector listens on")
    port: Port = Field(18080, description="port the collector listens on")
    probe_port: Port = Field(18091, description="port of the collector's /metrics and /livez")
    devices_file: Path = Field(Path("devices.toml"), description="device registry, relative to home")
    max_body_bytes: int = Field(12 * 1024 * 1024, ge=1024, description="largest message body accepted")
    max_picture_bytes: int = Field(6 * 1024 * 1024, ge=1024, description="largest picture accepted")
    max_spool_bytes: int = Field(8 * 1024**3, ge=1024**2, description="disk the spool may use before 507 is answered")


class ProcessorSettings(_Section):
    probe_port: Port = Field(18092, description="port of the processor's /metrics and /livez")
    group: str = Field("matching", description="consumer group of the matching workers")
    instance: str | None = Field(
        None, description="name of this worker, unique in its group: restarted under it, it goes on at once"
    )
    session_timeout_seconds: int = Field(
        10, ge=6, le=90, description="when a silent worker's partitions are taken over"
    )
    table_silence_seconds: int = Field(
        10, ge=2, description="how long ago the hotlist may last have been known to be current before matching waits"
    )
    dead_letters_in_a_row: int = Field(
        10_000, ge=1, description="most unusable reads in a row of a partition before the worker stops"
    )
    dead_letter_share: float = Field(
        0.5, ge=0, le=1, description="largest share of unusable ones among the latest 10,000 reads of a partition"
    )
    passage_window_seconds: int = Field(
        120, ge=0, description="reads of a car that lie no further apart are one alert with several sightings"
    )
    passage_near_metres: float = Field(
        2_000, ge=0, allow_inf_nan=False, description="how far another reader may be from a car's last sighting"
    )
    passage_messages: int = Field(
        20_000,
        ge=1_000,
        description="latest alerts and updates of a partition that passages are told by: its hits in a window, or more",
    )


Hours = Annotated[float, Field(gt=0, le=10 * 365 * 24)]


class ListLimits(_Section):
    """How old a list may get, counted from its extract."""

    stale_after_hours: Hours
    dropped_after_hours: Hours

    @model_validator(mode="after")
    def _stale_comes_first(self) -> Self:
        if self.stale_after_hours > self.dropped_after_hours:
            raise ValueError("stale_after_hours must not be more than dropped_after_hours")
        return self


class MatchingSettings(ListLimits):
    late_after_minutes: float = Field(
        10, gt=0, le=30 * 24 * 60, description="age of a read, when matched, from which its alerts are late hits"
    )
    stale_after_hours: Hours = Field(24, description="age of a list's extract from which its alerts are marked stale")
    dropped_after_hours: Hours = Field(
        168, description="age of a list's extract from which it raises no alert until it is loaded again"
    )
    lists: dict[str, ListLimits] = Field(
        {}, description="lists with limits of their own: source = {stale_after_hours = .., dropped_after_hours = ..}"
    )
    partial_categories: tuple[str, ...] = Field(
        ("HOMICIDE", "KIDNAPPING", "AMBER_ALERT", "SEXUAL_ASSAULT", "AGGRAVATED_ASSAULT", "AGGRAVATED_ROBBERY"),
        description="categories of serious crimes, whose plates may be listed in part",
    )

    def limits_of(self, source: str) -> ListLimits:
        """The limits of one list: its own, else those of all."""
        return self.lists.get(source) or self


class SuppressionsSettings(_Section):
    key_file: Path = Field(
        Path("keys/suppressions.key"), description="key of the list of suppressed plates, relative to home"
    )


class StorageSettings(_Section):
    probe_port: Port = Field(18093, description="port of the storage process's /metrics and /livez")
    clickhouse_dsn: str | None = Field(
        None, description="chdb:///folder or http(s)://user@host:port/database; default: chDB in home"
    )
    clickhouse_password_file: Path | None = Field(None, description="file that holds ClickHouse's password")
    clickhouse_reader_dsn: str | None = Field(
        None, description="the same database as a user who may only read, for the gateway; default: clickhouse_dsn"
    )
    clickhouse_reader_password_file: Path | None = Field(None, description="file that holds that user's password")
    pictures_url: str | None = Field(None, description="fsspec URL of the picture store; default: folder in home")
    holds_key_file: Path = Field(
        Path("keys/holds.key"), description="key that opens the plates and read ids of holds, relative to home"
    )
    picture_keys_folder: Path = Field(
        Path("keys/pictures"), description="keys of the pictures' days and holds, relative to home; not where they lie"
    )
    max_picture_bytes: int = Field(6 * 1024 * 1024, ge=1024, description="largest picture kept")
    batch_reads: int = Field(1_000_000, ge=1, description="most reads in one insert")
    batch_milliseconds: int = Field(500, ge=1, description="longest wait before an insert")


class RetentionSettings(_Section):
    days: int = Field(60, ge=1, le=60, description="days from collection to destruction (retention.sixty-days)")
    truncate_seconds: int = Field(30, ge=1, description="how often Kafka is truncated up to what all have committed")
    is_run_here: bool = Field(True, description="whether this storage process fills holds and sweeps; one of them does")
    sweep_seconds: float = Field(60, gt=0, le=3600, description="time between two rounds of filling holds and sweeping")
    attestation_days: int = Field(365, ge=1, le=366, description="longest time until a hold must be attested again")
    backup_days: int = Field(7, ge=1, le=60, description="longest time until a backup is destroyed")
    grace_days: int = Field(30, ge=1, le=90, description="days from the lapse of a hold to its destruction")


class GatewaySettings(_Section):
    host: str = Field("127.0.0.1", description="address the gateway listens on")
    port: Port = Field(18000, description="port the gateway listens on")
    issuer: str = Field("platestream-local", description="`iss` that tokens must carry")
    audience: str = Field("platestream-gateway", description="`aud` that tokens must carry")
    jwks_url: str | None = Field(
        None,
        pattern=r"^(https://|http://(127\.0\.0\.1|localhost|\[::1\])[:/])",
        description="keys (JWKS) of the OIDC provider whose tokens count; without it those of the local issuer do",
    )
    person_claim: str = Field("sub", description="claim of a token that holds the person's id")
    tls_certificate_file: Path | None = Field(None, description="certificate chain in PEM: the port speaks TLS")
    tls_key_file: Path | None = Field(None, description="private key of the certificate, in PEM")
    requests_per_minute: int = Field(
        300, ge=1, description="requests of one person in a minute; of one address without a token, too"
    )
    requests_at_once: int = Field(200, ge=1, description="connections and requests at once; 503 beyond")
    token_key_file: Path = Field(
        Path("keys/token.pem"), description="Ed25519 key of the local issuer, relative to home"
    )
    log_reader_keys_file: Path = Field(
        Path("keys/log-readers.txt"), description="public keys plates in the ledger are sealed to, relative to home"
    )
    ledger_signing_key_file: Path = Field(
        Path("keys/ledger-signing.key"), description="Ed25519 key that signs heads of the ledger, relative to home"
    )
    plate_hash_key_file: Path = Field(Path("keys/plate-hash.key"), description="key of plate hashes, relative to home")
    case_number_pattern: str = Field(r"^\d{2}-\d{6}$", description="what a case or incident number looks like")
    max_rows: int = Field(1000, ge=1, le=10_000, description="most reads in one answer")
    max_search_seconds: int = Field(10, ge=1, le=300, description="longest time one search may take the engine")
    max_search_bytes: int = Field(
        8 * 1024**3, ge=1024**2, description="most bytes one search may read, and hold in memory, in the engine"
    )
    searches_at_once: int = Field(3, ge=1, le=8, description="searches one person may have under way at once")
    cursor_minutes: int = Field(60, ge=1, le=1440, description="minutes for which the next page can be asked for")
    picture_link_minutes: int = Field(15, ge=1, le=1440, description="minutes for which a picture link is good")
    max_span_days: int = Field(60, ge=1, description="longest time span of one search")
    time_zone: str = Field("America/Chicago", description="the agency's local time, for shifts")
    tracking_searches: int = Field(5, ge=1, description="searches of one plate in tracking_days without a permit")
    tracking_days: int = Field(30, ge=1, le=120, description="days over which searches of one plate are counted")
    exigency_hours: int = Field(48, ge=1, le=168, description="hours that an exigency may last at most")
    burst_searches: int = Field(30, ge=2, description="searches of one person in an hour that are looked at")
    max_package_reads: int = Field(100_000, ge=1, description="most reads in one evidence package")
    review_days: int = Field(365, ge=1, le=366, description="days until an authorization lapses without review")

    @model_validator(mode="after")
    def _has_certificate_and_key(self) -> Self:
        if (self.tls_certificate_file is None) != (self.tls_key_file is None):
            raise ValueError("tls_certificate_file and tls_key_file belong together; set both or none")
        return self


class Settings(BaseSettings):
    """The whole tree. `home` holds all data of an embedded installation."""

    model_config = SettingsConfigDict(env_prefix="PLATESTREAM_", env_nested_delimiter="__", frozen=True, extra="forbid")

    home: Path = Field(Path(".platestream"), description="folder of all data")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="least level that is logged")
    clock_ahead_days: int = Field(
        0, ge=0, le=3650, description="days the clock is set ahead, on one machine only, to prove destruction"
    )
    kafka: KafkaSettings = KafkaSettings()
    registry: RegistrySettings = RegistrySettings()
    collector: CollectorSettings = CollectorSettings()
    processor: ProcessorSettings = ProcessorSettings()
    matching: MatchingSettings = MatchingSettings()
    suppressions: SuppressionsSettings = SuppressionsSettings()
    storage: StorageSettings = StorageSettings()
    retention: RetentionSettings = RetentionSettings()
    gateway: GatewaySettings = GatewaySettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = os.environ.get("PLATESTREAM_CONFIG")
        toml = (TomlConfigSettingsSource(settings_cls, Path(file)),) if file else ()
        return (init_settings, env_settings, *toml)

    def path(self, relative: Path) -> Path:
        """A path of the tree, taken from `home` when it is relative."""
        return self.home / relative


def environment(settings: Settings) -> dict[str, str]:
    """The tree as `PLATESTREAM_*` variables, so that a child process has the same settings."""
    return dict(_variables("PLATESTREAM", settings.model_copy(update={"home": settings.home.resolve()})))


def _variables(prefix: str, section: BaseModel) -> Iterator[tuple[str, str]]:
    separator = "_" if isinstance(section, BaseSettings) else "__"
    for name, value in section:
        variable = f"{prefix}{separator}{name.upper()}"
        if isinstance(value, BaseModel):
            yield from _variables(variable, value)
        elif value is not None:
            yield variable, as_text(value)


def as_text(value: Any) -> str:
    """A value as a variable holds it: lists and tables as JSON, all else plain."""
    return json.dumps(value, default=dict) if isinstance(value, tuple | dict) else str(value)


def load_settings() -> Settings:
    """Read the settings. Raises ConfigError with one line a mistake: the key, what is wrong, never the value."""
    file = os.environ.get("PLATESTREAM_CONFIG")
    if file and not Path(file).is_file():
        raise ConfigError(f"PLATESTREAM_CONFIG names {file}, which is not a file; correct the path or unset it.")
    _refuse_unknown_variables()
    try:
        return Settings()
    except ValidationError as error:
        lines = [f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors(include_input=False)]
        raise ConfigError("The settings are wrong. " + "; ".join(lines) + ". docs/settings.md lists them.") from None
    except ValueError as error:
        raise ConfigError(f"The settings cannot be read: {error}") from None


def _refuse_unknown_variables() -> None:
    """pydantic-settings passes over unknown variables with the prefix; a typing mistake must not be silent."""
    top = {name.upper() for name in Settings.model_fields} | {"CONFIG"}
    for variable in os.environ:
        if variable.upper().startswith("PLATESTREAM_"):
            first = variable.upper().removeprefix("PLATESTREAM_").split("__")[0]
            if first not in top:
                raise ConfigError(f"{variable} is not a setting; docs/settings.md lists them.")
