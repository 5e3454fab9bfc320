//! An object from front to back.

use std::{
    io::{self, Read},
    sync::Arc,
};

use bytes::{Buf as _, Bytes};
use futures_util::{StreamExt as _, stream::BoxStream};

use super::bridge::Bridge;

/// Reads an object as it comes from the store.
pub(super) struct Reader {
    bridge: Arc<Bridge>,
    stream: Option<BoxStream<'static, object_store::Result<Bytes>>>,
    buffer: Bytes,
}

impl Reader {
    pub(super) fn new(
        bridge: Arc<Bridge>,
        stream: BoxStream<'static, object_store::Result<Bytes>>,
    ) -> Self {
        Self {
            bridge,
            stream: Some(stream),
            buffer: Bytes::new(),
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        while self.buffer.is_empty() {
            let Some(mut stream) = self.stream.take() else {
                return Ok(());
            };
            let next = async move {
                let next = stream.next().await;
                (next, stream)
            };
            let (next, stream) = self.bridge.wait(next).map_err(io::Error::other)?;
            match next {
                Some(Ok(bytes)) => {
                    self.buffer = bytes;
                    self.stream = Some(stream);
                }
                Some(Err(error)) => return Err(io::Error::other(error)),
                None => {}
            }
        }
        Ok(())
    }
}

impl Read for Reader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.fill()?;
        let len = self.buffer.len().min(into.len());
        let (target, _) = into.split_at_mut(len);
        self.buffer.copy_to_slice(target);
        Ok(len)
    }
}
