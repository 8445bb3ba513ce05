//! Opens connections: TLS where the URL asks for it, a fresh IAM token where the configuration does.

use super::{Error, iam};
use crate::config::{DatabaseAuth, DatabaseConfig};
use deadpool_postgres::Connect;
use rustls::{
    ClientConfig,
    pki_types::{CertificateDer, pem::PemObject},
};
use std::{future::Future, pin::Pin};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, NoTls, config::SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

pub(super) struct Connector {
    auth: DatabaseAuth,
    /// None where the URL says `sslmode=disable` or names a socket.
    tls: Option<MakeRustlsConnect>,
}

pub(super) fn connector(config: &DatabaseConfig) -> Result<(Config, Connector), Error> {
    let postgres: Config = config.url.parse().map_err(|_| Error::Config("the URL cannot be read".into()))?;
    let tls = match postgres.get_ssl_mode() {
        SslMode::Disable => None,
        _ if postgres.get_hosts().iter().all(|host| matches!(host, tokio_postgres::config::Host::Unix(_))) => None,
        _ => Some(MakeRustlsConnect::new(tls_config(config.ca_file.as_deref())?)),
    };
    Ok((postgres, Connector { auth: config.auth.clone(), tls }))
}

fn tls_config(ca_file: Option<&str>) -> Result<ClientConfig, Error> {
    let mut roots = crate::http::tls::public_roots();
    if let Some(path) = ca_file {
        let unreadable = |error: &dyn std::fmt::Display| Error::Config(format!("DATABASE_CA_FILE {path}: {error}"));
        for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unreadable(&error))? {
            roots.add(certificate.map_err(|error| unreadable(&error))?).map_err(|error| unreadable(&error))?;
        }
    }
    crate::http::tls::client_config(roots).map_err(|error| Error::Config(error.to_string()))
}

impl Connect for Connector {
    fn connect(
        &self,
        config: &Config,
    ) -> Pin<Box<dyn Future<Output = Result<(Client, JoinHandle<()>), tokio_postgres::Error>> + Send + '_>> {
        let mut config = config.clone();
        Box::pin(async move {
            if let DatabaseAuth::Iam { region } = &self.auth
                && let Some(token) = iam::token(&config, region).await
            {
                config.password(token);
            }
            match &self.tls {
                Some(tls) => {
                    let (client, connection) = config.connect(tls.clone()).await?;
                    Ok((client, drive(connection)))
                }
                None => {
                    let (client, connection) = config.connect(NoTls).await?;
                    Ok((client, drive(connection)))
                }
            }
        })
    }
}

/// A connection needs someone to move its bytes. The task ends with the connection, and the pool aborts it when it drops it.
#[expect(clippy::disallowed_methods, reason = "the driver lives exactly as long as its pooled connection")]
fn drive<S, T>(connection: tokio_postgres::Connection<S, T>) -> JoinHandle<()>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::warn!(error = %crate::causes::chain(&error), "database connection lost");
        }
    })
}
