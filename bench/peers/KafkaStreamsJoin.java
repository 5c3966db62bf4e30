import java.util.Arrays;
import java.util.Properties;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.GlobalKTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * Peer: the join as one would write it in Kafka Streams, a KStream with a GlobalKTable.
 *
 * <p>The read's key is trusted to be the folded plate, and each plate has one entry whose key follows from it, so that
 * the join is one look-up. On a hit read and entry are decoded, and the read goes to `alerts` under the entry's id.
 *
 * <p>Arguments: bootstrap servers, application id, state folder, key middle, read schema, entry schema, store (memory or
 * rocksdb), settings (tuned or defaults), linger of the producer in ms.
 */
public final class KafkaStreamsJoin {
  private static final int HEADER_BYTES = 5;

  public static void main(String[] arguments) {
    byte[] middle = arguments[3].getBytes();
    Decoder reads = new Decoder(arguments[4]);
    Decoder entries = new Decoder(arguments[5]);
    boolean inMemory = arguments[6].equals("memory");
    boolean isTuned = arguments[7].equals("tuned");

    StreamsBuilder builder = new StreamsBuilder();
    Serde<byte[]> raw = Serdes.ByteArray();
    GlobalKTable<byte[], byte[]> hotlist =
        builder.globalTable("hotlist-entries", Consumed.with(raw, raw), store(inMemory, isTuned));
    builder.stream("plate-reads", Consumed.with(raw, raw))
        .join(hotlist, (plate, read) -> entryKey(plate, middle), (read, entry) -> new byte[][] {read, entry})
        .map((plate, hit) -> {
          reads.decode(hit[0]);
          GenericRecord entry = entries.decode(hit[1]);
          return KeyValue.pair(entry.get("entry_id").toString().getBytes(), hit[0]);
        })
        .to("alerts", Produced.with(raw, raw));

    KafkaStreams streams = new KafkaStreams(builder.build(), settings(arguments, isTuned));
    Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
    streams.start();
  }

  private static byte[] entryKey(byte[] plate, byte[] middle) {
    byte[] key = Arrays.copyOf(plate, 2 * plate.length + middle.length);
    System.arraycopy(middle, 0, key, plate.length, middle.length);
    System.arraycopy(plate, 0, key, plate.length + middle.length, plate.length);
    return key;
  }

  private static Materialized<byte[], byte[], KeyValueStore<Bytes, byte[]>> store(boolean inMemory, boolean isTuned) {
    Materialized<byte[], byte[], KeyValueStore<Bytes, byte[]>> table =
        inMemory
            ? Materialized.as(Stores.inMemoryKeyValueStore("hotlist"))
            : Materialized.as(Stores.persistentKeyValueStore("hotlist"));
    return isTuned ? table.withCachingDisabled().withLoggingDisabled() : table;
  }

  private static Properties settings(String[] arguments, boolean isTuned) {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", arguments[0]);
    settings.put("application.id", arguments[1]);
    settings.put("state.dir", arguments[2]);
    settings.put("auto.offset.reset", "earliest");
    settings.put("commit.interval.ms", "1000");
    settings.put("producer.compression.type", "lz4");
    if (isTuned) {
      settings.put("statestore.cache.max.bytes", "0");
      settings.put("topology.optimization", "all");
      settings.put("max.poll.records", "20000");
      settings.put("consumer.max.partition.fetch.bytes", String.valueOf(8 << 20));
      settings.put("producer.linger.ms", arguments[8]);
      settings.put("log.summary.interval.ms", "-1");
    }
    return settings;
  }

  /** Decodes framed Avro; used by the one stream thread. */
  private static final class Decoder {
    private final GenericDatumReader<GenericRecord> reader;
    private BinaryDecoder decoder;

    Decoder(String schema) {
      reader = new GenericDatumReader<>(new Schema.Parser().parse(schema));
    }

    GenericRecord decode(byte[] framed) {
      try {
        decoder = DecoderFactory.get().binaryDecoder(framed, HEADER_BYTES, framed.length - HEADER_BYTES, decoder);
        return reader.read(null, decoder);
      } catch (java.io.IOException error) {
        throw new IllegalStateException(error);
      }
    }
  }
}
