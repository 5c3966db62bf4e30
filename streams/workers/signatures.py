"""What the transport overrides or calls in Faust."""

from faust.tables.globaltable import GlobalTable
from faust.transport.drivers import aiokafka as stock
from faust.types.tuples import ConsumerMessage

from streams.chunks.signatures import Signatures

EXPECTED: Signatures = {
    stock.Consumer._drain_messages: "self fetcher",
    stock.Consumer.seek_wait: "self partitions",
    stock.Consumer._seek: "self partition offset",
    stock.Consumer._to_message: "self tp record",
    stock.Consumer._new_offset: "self tp",
    stock.Consumer._new_consumer_thread: "self",
    stock.Consumer.resume_partitions: "self tps",
    stock.Consumer.resume_flow: "self",
    stock.Consumer.on_partitions_revoked: "self revoked",
    stock.Consumer.on_partitions_assigned: "self assigned generation_id",
    stock.Consumer.close: "self",
    stock.AIOKafkaConsumerThread._create_worker_consumer: "self transport",
    stock.AIOKafkaConsumerThread.on_start: "self",
    stock.server_list: "urls default_port",
    stock.credentials_to_aiokafka_auth: "credentials ssl_context",
    ConsumerMessage: "topic partition offset timestamp timestamp_type headers key value checksum serialized_key_size "
    "serialized_value_size tp time_in time_out time_total generation_id",
    GlobalTable.persisted_offset: "self tp",
    GlobalTable.apply_changelog_batch: "self batch",
    GlobalTable._changelog_topic_name: "self",
    GlobalTable._new_changelog_topic: "self retention compacting deleting",
}
