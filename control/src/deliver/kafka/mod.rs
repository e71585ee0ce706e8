//! Kafka, by librdkafka: an idempotent producer, acknowledged by all replicas in sync. The key of a
//! message is the id of what it is about, so that all about one thing comes in order, and a compacted
//! topic keeps the newest.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use tokio::runtime::{Builder, Runtime};

use super::publish::publish;
use crate::config::Kafka as Config;
use crate::formats::{Event, Format};
use crate::outbox::{Deliver, Entry, Failure};

pub(super) fn make(config: &Config) -> Result<Box<dyn Deliver>, String> {
    if config.brokers.is_empty() {
        return Err("brokers: name one, as kafka1:9092".to_owned());
    }
    let millis = config.timeout.0.as_millis().to_string();
    let producer = ClientConfig::new()
        .set("bootstrap.servers", config.brokers.join(","))
        .set("client.id", "vitalwire")
        .set("enable.idempotence", "true")
        .set("message.timeout.ms", &millis)
        .create()
        .map_err(|error| format!("brokers: {error}"))?;
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("runtime: {error}"))?;
    Ok(Box::new(Kafka {
        topic: config.topic.clone(),
        format: config.format,
        timeout: config.timeout.0,
        producer,
        runtime,
    }))
}

struct Kafka {
    topic: String,
    format: Format,
    timeout: Duration,
    producer: FutureProducer,
    runtime: Runtime,
}

impl Deliver for Kafka {
    fn deliver(&mut self, batch: &[Entry]) -> Result<(), Failure> {
        self.runtime.block_on(self.produce(batch))
    }
}

impl Kafka {
    async fn produce(&self, batch: &[Entry]) -> Result<(), Failure> {
        let patience = self.timeout.saturating_mul(2);
        publish(batch, patience, async |entry, line| {
            let event = Event::new(line);
            let (key, id) = (event.id(), event.message_id());
            let topic = format!("{}.{}", self.topic, entry.kind.word());
            let body = self.format.render(line);
            let header = Header {
                key: "message_id",
                value: Some(&id),
            };
            let record = FutureRecord::to(&topic)
                .key(&key)
                .payload(&body)
                .headers(OwnedHeaders::new().insert(header));
            let queued = self.producer.send_result(record);
            let queued = queued.map_err(|(error, _)| error.to_string())?;
            Ok(async move {
                match queued.await {
                    Ok(Ok(_)) => Ok(()),
                    Ok(Err((error, _))) => Err(error.to_string()),
                    Err(_) => Err("no acknowledgment".to_owned()),
                }
            })
        })
        .await
    }
}

#[cfg(test)]
mod tests;
