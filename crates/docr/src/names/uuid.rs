//! The UUIDs that identify resources of the service.

use super::checked::{checked_text, first_wrong};
use crate::error::InvalidInput;

checked_text! {
    /// The id of a certificate, a UUID. The id of a Let's Encrypt certificate changes with each renewal.
    ///
    /// ```
    /// use docr::CertificateId;
    ///
    /// let id = CertificateId::new("3f6d0b1e-52c4-4c8a-9a77-0d1f6be2a954")?;
    /// assert!(id.as_str().starts_with("3f6d0b1e"));
    /// assert!(CertificateId::new("../registry").is_err());
    /// # Ok::<(), docr::InvalidInput>(())
    /// ```
    CertificateId
}

checked_text! {
    /// The id of a garbage collection, a UUID.
    ///
    /// ```
    /// use docr::GarbageCollectionId;
    ///
    /// let id = GarbageCollectionId::new("27b4c6e0-8e6f-4d0c-9d7b-5a6f1c0e9b12")?;
    /// assert!(id.as_str().starts_with("27b4c6e0"));
    /// assert_eq!(GarbageCollectionId::new("27b4").unwrap_err().field(), "garbage collection id");
    /// # Ok::<(), docr::InvalidInput>(())
    /// ```
    GarbageCollectionId
}

checked_text! {
    /// The id of a Kubernetes cluster, a UUID.
    ///
    /// ```
    /// use docr::ClusterId;
    ///
    /// let id = ClusterId::new("bd5f5959-5e1e-4205-a714-a914373942af")?;
    /// assert!(id.as_str().ends_with("42af"));
    /// assert!(ClusterId::new("shop-cluster").is_err()); // its name
    /// # Ok::<(), docr::InvalidInput>(())
    /// ```
    ClusterId
}

impl CertificateId {
    fn check(text: &str) -> Result<(), InvalidInput> {
        check_uuid("certificate id", text)
    }
}

impl GarbageCollectionId {
    fn check(text: &str) -> Result<(), InvalidInput> {
        check_uuid("garbage collection id", text)
    }
}

impl ClusterId {
    fn check(text: &str) -> Result<(), InvalidInput> {
        check_uuid("cluster id", text)
    }
}

fn check_uuid(field: &'static str, text: &str) -> Result<(), InvalidInput> {
    const LENGTH: usize = 36;
    let wrong = first_wrong(text, |index, character| match index {
        8 | 13 | 18 | 23 => character == '-',
        _ => character.is_ascii_hexdigit() && index < LENGTH,
    });
    let length = text.chars().count();
    let (position, what) = match wrong {
        Some((position, character)) => (position, format!("{character:?}")),
        None if length < LENGTH => (length + 1, "nothing".into()),
        None => return Ok(()),
    };
    let rule = format!(
        "{what} at position {position}; an id is a UUID, 32 hexadecimal digits in groups of 8-4-4-4-12"
    );
    Err(InvalidInput::at(field, text, position, rule))
}

#[cfg(feature = "schemars")]
mod schemas {
    use std::borrow::Cow;

    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

    macro_rules! uuid_schema {
        ($($name:ident: $description:literal;)*) => {
            $(
                impl JsonSchema for super::$name {
                    fn schema_name() -> Cow<'static, str> {
                        stringify!($name).into()
                    }

                    fn json_schema(_: &mut SchemaGenerator) -> Schema {
                        json_schema!({ "type": "string", "description": $description, "format": "uuid" })
                    }
                }
            )*
        };
    }

    uuid_schema! {
        CertificateId: "The id of a certificate.";
        GarbageCollectionId: "The id of a garbage collection.";
        ClusterId: "The id of a Kubernetes cluster.";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_could_leave_its_path_segment_is_refused() {
        for id in [
            "",
            "..",
            "a/b",
            "3f6d0b1e-52c4-4c8a-9a77-0d1f6be2a95",
            "3f6d0b1e-52c4-4c8a-9a77-0d1f6be2a9544",
        ] {
            let error = CertificateId::new(id).unwrap_err();
            assert!(error.position().is_some(), "{error}");
            assert!(GarbageCollectionId::new(id).is_err() && ClusterId::new(id).is_err());
        }
        let short = ClusterId::new("3f6d0b1e-52c4-4c8a-9a77-0d1f6be2a95");
        assert_eq!(short.unwrap_err().position(), Some(36));
    }
}
