"""Settings of PostgreSQL: the servers, the roles, and the connections of a worker."""

from pydantic import Field, SecretStr
from sqlalchemy.engine import URL

from config.settings.group import Port, SettingsGroup
from infrastructure.postgres.urls import postgres_url


class PostgresSettings(SettingsGroup):
    postgres_host: str | None = Field(None, description="host name; unset starts an embedded PostgreSQL")
    postgres_port: Port = Field(5432, description="TCP port, 1-65535")
    postgres_db: str = "ecommerce_db"
    postgres_user: str = "postgres"
    postgres_password: SecretStr = SecretStr("")
    postgres_owner: str | None = Field(None, description="role that migrates; unset: that of the service")
    postgres_owner_password: SecretStr = SecretStr("")
    database_url: SecretStr | None = Field(None, description="postgresql://user:password@host:port/database")
    migration_database_url: SecretStr | None = Field(None, description="as DATABASE_URL, for migrations only")
    database_replica_urls: SecretStr | None = Field(None, description="as DATABASE_URL, separated by commas")
    db_replica_connections: int = Field(
        4, ge=1, le=200, description="read connections a worker has to each replica, 1-200"
    )
    db_replica_max_lag: float = Field(10, gt=0, le=300, description="seconds a replica may be behind, up to 300")
    db_pool_size: int = Field(7, ge=1, le=1000, description="connections a worker keeps open, 1-1000")
    db_max_overflow: int = Field(0, ge=0, le=1000, description="connections a worker adds at peaks, 0-1000")
    db_pool_timeout: float = Field(10, gt=0, le=300, description="seconds to wait for a connection, up to 300")
    db_pool_recycle: int = Field(3600, ge=-1, description="seconds until a connection is replaced, -1 for never")
    db_threads: int = Field(
        7, ge=1, le=200, description="threads of a worker, and connections for single writes, 1-200"
    )
    db_read_connections: int = Field(4, ge=1, le=200, description="asynchronous read connections a worker, 1-200")
    db_pipeline: bool = True
    db_startup_options: bool = True
    db_connect_timeout: int = Field(2, ge=1, le=60, description="seconds, 1-60")
    db_statement_timeout: float = Field(5, gt=0, le=600, description="seconds a statement may run, up to 600")
    db_lock_timeout: float = Field(2, gt=0, le=600, description="seconds to wait for a lock, up to 600")

    @property
    def embeds_postgres(self) -> bool:
        return not (self.postgres_host or self.database_url)

    def sqlalchemy_url(self) -> URL:
        """Return PostgreSQL's URL for SQLAlchemy with psycopg2."""
        if self.database_url:
            return postgres_url(self.database_url.get_secret_value())
        return URL.create(
            "postgresql+psycopg2",
            username=self.postgres_user,
            password=self.postgres_password.get_secret_value() or None,
            host=self.postgres_host,
            port=self.postgres_port,
            database=self.postgres_db,
        )

    def migration_url(self) -> URL:
        """Return the URL for migrations: MIGRATION_DATABASE_URL, else that of the service with POSTGRES_OWNER."""
        if self.migration_database_url:
            return postgres_url(self.migration_database_url.get_secret_value())
        if self.postgres_owner:
            password = self.postgres_owner_password.get_secret_value()  # if empty, not that of the service
            return self.sqlalchemy_url().set(username=self.postgres_owner, password=password)
        return self.sqlalchemy_url()

    def service_role(self) -> str | None:
        """Return the name of the service's role, or None if the migrations use the same one."""
        name = self.sqlalchemy_url().username
        return None if name == self.migration_url().username else name
