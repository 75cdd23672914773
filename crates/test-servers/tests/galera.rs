//! A cluster does what tests need of it.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use firman_test_servers::Galera;

#[test]
fn a_node_is_cut_off_and_killed_and_comes_back_each_time() {
    let Some(cluster) = Galera::start(&[]) else { return };
    let database = cluster.fresh();
    let size = |node| cluster.status(node, "wsrep_cluster_size").unwrap();
    assert_eq!([size(0), size(1), size(2)], ["3", "3", "3"]);
    cluster.sql(0, &format!("CREATE TABLE {database}.t (id INT PRIMARY KEY)"));

    cluster.cut_off(2);
    cluster.wait_for(2, "wsrep_cluster_status", "non-Primary");
    cluster.wait_for(0, "wsrep_cluster_size", "2");
    cluster.sql(1, &format!("INSERT INTO {database}.t VALUES (1)"));
    cluster.let_back(2);
    let count = |node| cluster.sql(node, &format!("SET wsrep_sync_wait = 1; SELECT COUNT(*) FROM {database}.t"));
    assert_eq!(count(2), "1");

    cluster.kill(1);
    cluster.wait_for(0, "wsrep_cluster_size", "2");
    cluster.sql(2, &format!("INSERT INTO {database}.t VALUES (2)"));
    cluster.run(1);
    assert_eq!(count(1), "2");
}
