//! Revoking a token: a call to the service's OAuth endpoint, which its API description doesn't include.

use progenitor_client::{Error, ResponseValue};
use reqwest::{Url, header::CONTENT_TYPE};

use crate::{Client, Effect, Operation, Secret, Session};

/// Revokes a token or a minted credential. It is idempotent.
pub static OAUTH_REVOKE: Operation = Operation {
    id: "oauth_revoke",
    method: "POST",
    path: "/v1/oauth/revoke",
    effect: Effect::Set,
    scopes: &[],
    statuses: &[200, 401],
    deprecated: false,
};

impl Client {
    /// Revokes a token: `POST /v1/oauth/revoke` of the server at `base_url`, which is not the API's. The token itself
    /// authorizes the request; the client's own token is not sent.
    ///
    /// # Errors
    ///
    /// As for every call; any status but success is an unexpected response.
    pub async fn oauth_revoke(
        &self,
        base_url: &str,
        token: &Secret,
    ) -> Result<ResponseValue<()>, Error<()>> {
        let url = format!("{base_url}{}", OAUTH_REVOKE.path);
        let request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form("token", token.expose()))
            .build()?;
        // A token may revoke itself, so the client's own is not sent to this server.
        let itself =
            Session::bearer(token).map_err(|error| Error::InvalidRequest(error.to_string()))?;
        let response = self.exchange_as(&itself, request).await?;
        Ok(ResponseValue::empty(response))
    }
}

/// One field of a form.
fn form(name: &str, value: &str) -> String {
    // A query is encoded like a form.
    let mut url = Url::parse("form:").ok();
    if let Some(url) = &mut url {
        url.query_pairs_mut().append_pair(name, value);
    }
    let query = url.as_ref().and_then(Url::query);
    query.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_characters_of_a_token_are_encoded() {
        assert_eq!(form("token", "a+b&c=d é"), "token=a%2Bb%26c%3Dd+%C3%A9");
    }
}
