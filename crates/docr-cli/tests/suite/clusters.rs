//! Clusters by name, which takes a list, and by id.

use docr_sandbox::Sandbox;

use crate::shell::Shell;

/// Counts new requests.
struct Calls<'a>(&'a Sandbox, usize);

impl Calls<'_> {
    fn of_list(&mut self) -> usize {
        let requests = self.0.requests();
        let new = requests[self.1..].iter();
        let lists =
            new.filter(|request| request.operation.as_deref() == Some("kubernetes_list_clusters"));
        self.1 = requests.len();
        lists.count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_linked_by_name_or_id_and_clusters_are_listed_for_names_only() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.add_sample().unwrap();
    let staging = sandbox.add_named_cluster("staging");
    let shell = Shell::at(&sandbox);
    let mut calls = Calls(&sandbox, 0);

    let linked = shell.run("cluster link staging");
    assert_eq!(
        linked.out,
        format!("Cluster staging ({staging}) can now pull from registry sample.\n"),
        "{linked}"
    );
    assert_eq!(sandbox.cluster_registries(&staging), ["sample"]);
    assert_eq!(calls.of_list(), 1);

    let unlinked = shell.run(&format!("cluster unlink {staging} --yes"));
    assert_eq!(unlinked.code, 0, "{unlinked}");
    assert!(sandbox.cluster_registries(&staging).is_empty());
    assert_eq!(calls.of_list(), 0);

    // The same cluster by name and id counts once.
    let twice = shell.run(&format!("cluster link staging {staging} --output json"));
    let twice: serde_json::Value = serde_json::from_str(&twice.out).unwrap();
    assert_eq!(twice["clusters"], serde_json::json!([staging]));

    let other = sandbox.add_named_cluster("staging");
    let ambiguous = shell.run("cluster unlink staging --yes");
    assert_eq!(ambiguous.code, 2, "{ambiguous}");
    assert!(
        ambiguous
            .err
            .contains("several clusters are named \"staging\": choose one by its id: ")
            && ambiguous.err.contains(&staging)
            && ambiguous.err.contains(&other),
        "{ambiguous}"
    );
    assert_eq!(sandbox.cluster_registries(&staging), ["sample"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_found_on_a_later_page() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.add_sample().unwrap();
    for number in 0..400 {
        sandbox.add_named_cluster(format!("cluster-{number}"));
    }
    let shell = Shell::at(&sandbox);
    let mut calls = Calls(&sandbox, 0);
    for number in [0, 199, 399] {
        let linked = shell.run(&format!("cluster link cluster-{number} --dry-run"));
        assert_eq!(linked.code, 0, "{linked}");
        assert_eq!(calls.of_list(), 3);
    }
}
