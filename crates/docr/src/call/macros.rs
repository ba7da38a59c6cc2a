//! Short ways to write a call. The method of the generated client is named once, and names the operation, too. A call
//! may be sent more than once, and an attempt may outlive its caller, so each owns a copy of its values.

/// One request: `request!(registries_get.registry_name(name))`.
macro_rules! request {
    ($method:ident $(.$setter:ident($value:expr))*) => {{
        $(let $setter = ($value).to_owned();)*
        $crate::call::Request {
            endpoint: docr_api::operations::$method().into(),
            secrets: ::std::vec::Vec::new(),
            send: move |api: docr_api::Client| {
                $(let $setter = $setter.clone();)*
                async move { api.$method()$(.$setter($setter))*.send().await }
            },
        }
    }};
}

/// One complete call: `call!(core, registry_get)`. It is awaited here, so the future is stored only once.
macro_rules! call {
    ($core:expr, $($request:tt)+) => {
        $core.call($crate::call::request!($($request)+)).await
    };
}

/// One call on a registry that has two forms: by the registry's name, and the older one for the only registry of an account.
macro_rules! call_either {
    ($target:expr, $method:ident | $old_method:ident $(.$setter:ident($value:expr))*) => {{
        let target: &$crate::call::Target = $target;
        let name = target.name.as_str();
        match target.form {
            $crate::call::Form::ByName => {
                $crate::call::call!(target.core, $method.registry_name(name)$(.$setter($value))*)
            }
            $crate::call::Form::OfAccount => {
                $crate::call::call!(target.core, $old_method.registry_name(name)$(.$setter($value))*)
            }
        }
    }};
}

pub(crate) use {call, call_either, request};
