//! Ports of the target on this machine.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::error::TargetError;
use crate::model::PortEnd;

/// The time a server has to take a connection, and the time it has to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where a port is on this machine.
pub(super) fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// Fails where a port that the target will listen on is in use: its readiness would be somebody else's.
pub(super) fn check_free(ports: &[u16]) -> Result<(), TargetError> {
    for port in ports {
        match TcpListener::bind(local(*port)) {
            Err(err) if err.kind() == io::ErrorKind::AddrInUse => return Err(TargetError::PortTaken { port: *port }),
            // Whether the target may listen there is the target's own affair.
            Err(_) | Ok(_) => {}
        }
    }
    Ok(())
}

/// Whether somebody still answers. A mere connection proves nothing: the engine's port proxy takes connections for an
/// application that is gone. So one byte of an answer is asked for.
pub(super) async fn probe_end(address: Option<SocketAddr>) -> PortEnd {
    let Some(address) = address else { return PortEnd::NoPort };
    match tokio::time::timeout(PATIENCE, first_byte(address)).await {
        Ok(Ok(read)) if read > 0 => PortEnd::StillServing,
        Ok(_) | Err(_) => PortEnd::Silent,
    }
}

async fn first_byte(address: SocketAddr) -> io::Result<usize> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes()).await?;
    stream.read(&mut [0; 1]).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_named() {
        let listener = TcpListener::bind(local(0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let err = check_free(&[port]).unwrap_err();
        assert!(err.to_string().contains(&format!("port {port} is taken")), "{err}");
        drop(listener);
        check_free(&[port]).unwrap();
    }

    #[tokio::test]
    async fn an_answer_is_still_serving_and_a_closed_connection_is_silence() {
        let listener = tokio::net::TcpListener::bind(local(0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let serve = async {
            let (mut answering, _) = listener.accept().await.unwrap();
            answering.write_all(b"HTTP/1.1 503 Busy\r\n\r\n").await.unwrap();
            let (closing, _) = listener.accept().await.unwrap();
            drop(closing);
        };
        let probe = async { (probe_end(Some(address)).await, probe_end(Some(address)).await) };
        let (ends, ()) = tokio::join!(probe, serve);
        assert_eq!(ends, (PortEnd::StillServing, PortEnd::Silent));
        drop(listener);
        assert_eq!(probe_end(Some(address)).await, PortEnd::Silent);
        assert_eq!(probe_end(None).await, PortEnd::NoPort);
    }
}
