"""Rows of the usage ledger."""

from spark_assets.db.connection import Connection
from spark_assets.db.tables import usage
from spark_assets.domain.usage import UsageRecord


class UsageRows:
    """What was charged."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, record: UsageRecord) -> None:
        values = {
            "task_id": record.task_id,
            "project_id": record.project_id,
            "key_id": record.key_id,
            "model": record.model,
            "cost": record.charge.cost,
            "discount": record.charge.discount,
            "created_at": record.created_at,
        }
        await self._connection.run(self._connection.insert_new(usage), values)
