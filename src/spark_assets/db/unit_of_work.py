"""The repositories over one connection, and the jobs that a unit of work hands over."""

from spark_assets.db.access_key_rows import AccessKeyRows
from spark_assets.db.asset_rows import AssetRows
from spark_assets.db.audit_rows import AuditRows
from spark_assets.db.blob_rows import BlobRows
from spark_assets.db.connection import Connection
from spark_assets.db.delivery_rows import DeliveryRows
from spark_assets.db.erasure_rows import ErasureRows
from spark_assets.db.event_rows import EventRows
from spark_assets.db.group_rows import GroupRows
from spark_assets.db.hold_rows import HoldRows
from spark_assets.db.idempotency_rows import IdempotencyRows
from spark_assets.db.key_rows import ApiKeyRows
from spark_assets.db.line_rows import LineRows
from spark_assets.db.project_rows import ProjectRows
from spark_assets.db.quota_rows import QuotaRows
from spark_assets.db.repair_rows import RepairRows
from spark_assets.db.sealed_rows import SealedRows
from spark_assets.db.sealing import Sealer
from spark_assets.db.session_rows import SessionRows
from spark_assets.db.share_rows import ShareRows
from spark_assets.db.task_rows import TaskRows
from spark_assets.db.upload_rows import UploadRows
from spark_assets.db.usage_rows import UsageRows
from spark_assets.db.verification_rows import VerificationRows
from spark_assets.db.webhook_rows import WebhookRows
from spark_assets.domain.audit import AuditEntry
from spark_assets.domain.quota import Holdings


class SqlRepositories:
    """Access to all that is remembered, over one connection."""

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self.projects = ProjectRows(connection)
        self.keys = ApiKeyRows(connection)
        self.access_keys = AccessKeyRows(connection, sealer)
        self.groups = GroupRows(connection)
        self.assets = AssetRows(connection)
        self.blobs = BlobRows(connection)
        self.tasks = TaskRows(connection, sealer)
        self.lines = LineRows(connection)
        self.usage = UsageRows(connection)
        self.idempotency_keys = IdempotencyRows(connection, sealer)
        self.audit = AuditRows(connection)
        self.erasure = ErasureRows(connection)
        self.events = EventRows(connection)
        self.sessions = SessionRows(connection)
        self.shares = ShareRows(connection, sealer)
        self.webhooks = WebhookRows(connection, sealer)
        self.deliveries = DeliveryRows(connection, sealer)
        self.quotas = QuotaRows(connection)
        self.uploads = UploadRows(connection, sealer)
        self.verification = VerificationRows(connection)
        self.repairs = RepairRows(connection)
        self.sealed = SealedRows(connection, sealer)
        self.holds = HoldRows(connection)


class SqlUnitOfWork(SqlRepositories):
    """The same inside a transaction, where what all write to is kept until the very end: quotas, and the audit trail."""

    gains: dict[str, Holdings]
    """Not counted yet, by project."""
    entries: list[AuditEntry]
    """Not written yet."""

    def tally(self, project_id: str, gained: Holdings) -> None:
        """Count what a project gains or loses when this unit of work is committed."""
        self.gains[project_id] = self.gains.get(project_id, Holdings()) + gained

    def note(self, entry: AuditEntry) -> None:
        """Append an entry to the audit trail when this unit of work is committed."""
        self.entries.append(entry)

    async def settle(self) -> None:
        """Count and write it now. Raises QuotaExceeded; nothing of this unit of work can be committed then."""
        if self.gains:
            await self.quotas.settle(self.gains)
            self.gains = {}
        if self.entries:
            await self.audit.append(self.entries)
            self.entries = []
