//! Getting in: a challenge of a registry becomes what the next request shows.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use reqwest::header::HeaderValue;
use serde::Deserialize;
use springline_model::reference::Repository;
use springline_model::registry::RegistryError;

use crate::challenge::Challenge;
use crate::credentials::{self, Credentials};
use crate::transport::{Transport, malformed};

/// The largest answer of a service that gives tokens, in bytes.
const MAX_TOKEN: u64 = 256 << 10;

/// What is to be done in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    /// Reading.
    Pull,
    /// Reading and writing.
    Push,
}

/// What registries were told and gave, by registry and by repository.
#[derive(Default)]
pub(crate) struct Auth {
    credentials: Mutex<HashMap<String, Credentials>>,
    shown: Mutex<HashMap<(Repository, Action), HeaderValue>>,
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

impl Auth {
    /// What the registry wants to see, if that is known already.
    pub(crate) fn known(&self, repository: &Repository, action: Action) -> Option<HeaderValue> {
        locked(&self.shown).get(&(repository.clone(), action)).cloned()
    }

    /// Whether the registry was shown no credentials.
    pub(crate) fn is_anonymous(&self, repository: &Repository) -> bool {
        locked(&self.credentials).get(repository.registry()).is_none_or(Credentials::is_anonymous)
    }

    /// Answers a challenge. False if there is nothing that could be shown.
    pub(crate) async fn answer(
        &self,
        transport: &Transport,
        repository: &Repository,
        action: Action,
        challenge: Challenge,
    ) -> Result<bool, RegistryError> {
        let credentials = self.credentials(repository.registry()).await?;
        let header = match challenge {
            Challenge::Basic => match &credentials {
                Credentials::Password(name, password) => basic(name, password),
                Credentials::Anonymous | Credentials::Identity(_) => return Ok(false),
            },
            Challenge::Bearer { realm, service, scope } => {
                let scope = scope.unwrap_or_else(|| {
                    let actions = if action == Action::Push { "pull,push" } else { "pull" };
                    format!("repository:{}:{actions}", repository.path())
                });
                let ask = TokenAsk { realm, service, scope };
                format!("Bearer {}", ask.send(transport, repository, &credentials).await?)
            }
        };
        let what = format!("registry {}", repository.registry());
        let mut header = HeaderValue::from_str(&header)
            .map_err(|_| malformed(&what, "its token is nothing that can be sent back".into()))?;
        header.set_sensitive(true);
        locked(&self.shown).insert((repository.clone(), action), header);
        Ok(true)
    }

    async fn credentials(&self, registry: &str) -> Result<Credentials, RegistryError> {
        if let Some(known) = locked(&self.credentials).get(registry) {
            return Ok(known.clone());
        }
        let found = credentials::find(registry).await?;
        locked(&self.credentials).insert(registry.to_owned(), found.clone());
        Ok(found)
    }
}

/// What is asked of a service that gives tokens.
struct TokenAsk {
    realm: String,
    service: Option<String>,
    scope: String,
}

impl TokenAsk {
    async fn send(
        &self,
        transport: &Transport,
        repository: &Repository,
        credentials: &Credentials,
    ) -> Result<String, RegistryError> {
        let registry = repository.registry();
        let what = format!("a token for {registry}");
        let realm = Url::parse(&self.realm).map_err(|_| malformed(&what, "its realm is no URL".into()))?;
        transport.check_realm(repository, &realm)?;
        let client = transport.client_for(&realm);
        let mut url = realm.clone();
        let mut form = vec![("scope", self.scope.as_str())];
        form.extend(self.service.as_deref().map(|service| ("service", service)));
        let request = match credentials {
            Credentials::Identity(token) => {
                form.extend([("grant_type", "refresh_token"), ("client_id", "springline"), ("refresh_token", token)]);
                let mut encoded = url.clone();
                encoded.set_query(None);
                encoded.query_pairs_mut().extend_pairs(&form);
                let body = encoded.query().unwrap_or_default().to_owned();
                client.post(url).header("content-type", "application/x-www-form-urlencoded").body(body)
            }
            Credentials::Password(name, password) => {
                url.query_pairs_mut().extend_pairs(&form);
                client.get(url).header("authorization", basic(name, password))
            }
            Credentials::Anonymous => {
                url.query_pairs_mut().extend_pairs(&form);
                client.get(url)
            }
        };
        let response = transport.heard(&realm, request.send()).await?;
        if !response.status().is_success() {
            return Err(RegistryError::Unauthorized {
                registry: registry.to_owned(),
                what: format!("have a token for {}", self.scope.escape_debug()),
                anonymous: credentials.is_anonymous(),
            });
        }
        let body = transport.read(response, &what, MAX_TOKEN).await?;
        let token: Token = serde_json::from_slice(&body).map_err(|error| malformed(&what, error.to_string()))?;
        let given = token.token.or(token.access_token).filter(|token| !token.is_empty());
        given.ok_or_else(|| malformed(&what, "there is no token in it".into()))
    }
}

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
