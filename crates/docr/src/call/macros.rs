//! Short ways to write a call. A call may be sent more than once, so its values are borrowed or cloned
//! each time; `async move` moves only the references.

/// One request of the generated client, ready to be sent as often as needed: `send!(registry_get)`, with the
/// setters of its builder behind it.
macro_rules! send {
    ($method:ident $(.$setter:ident($value:expr))*) => {
        |api: docr_api::Client| async move { api.$method()$(.$setter($value))*.send().await }
    };
}

/// One call: `call!(client, REGISTRY_GET, registry_get)`.
macro_rules! call {
    ($client:expr, $operation:ident, $($request:tt)+) => {
        $client.call(&docr_api::operations::$operation, $crate::call::send!($($request)+))
    };
}

/// One call on a registry that is there twice: for a registry by name, and in the older form for the one
/// registry of an account.
macro_rules! call_either {
    ($target:expr, $operation:ident $method:ident | $old_operation:ident $old_method:ident
     $(.$setter:ident($value:expr))*) => {{
        let target: &$crate::registries::registry::Target = $target;
        let name = target.name.as_str();
        match target.form {
            $crate::registries::registry::Form::ByName => {
                $crate::call::call!(target.client, $operation, $method.registry_name(name)$(.$setter($value))*).await
            }
            $crate::registries::registry::Form::OfAccount => {
                $crate::call::call!(target.client, $old_operation, $old_method.registry_name(name)$(.$setter($value))*).await
            }
        }
    }};
}

/// A list on a registry in either form, page by page. The handle that it is made of goes by a name of the
/// caller's choice, so that the setters can borrow from it.
macro_rules! list_either {
    ($handle:expr => $this:ident, $target:expr, $items:ident,
     $operation:ident $method:ident | $old_operation:ident $old_method:ident
     $(.$setter:ident($value:expr))*) => {{
        let $this = $handle.clone();
        $crate::List::new(&docr_api::operations::$operation, move |request: $crate::list::PageRequest| {
            let $this = $this.clone();
            async move {
                let $this = &$this;
                let answer = $crate::call::call_either!(
                    &$target,
                    $operation $method | $old_operation $old_method
                    $(.$setter($value))*
                    .page(request.page)
                    .per_page(request.per_page)
                );
                $crate::list::page_answer!(answer?, $items)
            }
        })
    }};
}

pub(crate) use {call, call_either, list_either, send};
