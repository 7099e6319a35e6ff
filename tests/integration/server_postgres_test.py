"""What the tests of starting, publishing and pushing show with SQLite, once more with PostgreSQL."""
import harness
import postgres
import publish_test
import push_test
import start_test

running = None
count = 0


def make_database():
    global count
    count += 1
    return running.create_database(f"db{count}")


def setUpModule():
    global running
    running = postgres.Postgres().__enter__()
    harness.Server.make_database = make_database


def tearDownModule():
    harness.Server.make_database = None
    running.__exit__()


def only(base, *wanted):
    """The test class with these of its tests."""
    names = [name for name in dir(base) if name.startswith("test_")]
    missing = set(wanted) - set(names)
    assert not missing, missing
    return type(base.__name__, (base,), {"__module__": __name__} | {
        name: None for name in names if name not in wanted})


Probes = only(start_test.Probes, "test_readyz_says_that_loops_and_database_answer",
              "test_metrics_are_prometheus_text")
Life = only(start_test.Life, "test_starts_and_stops", "test_keeps_its_channels_over_a_restart",
            "test_makes_a_demo_channel_and_an_admin_key_at_first_start")
Broadcast = only(publish_test.Broadcast, "test_what_ffmpeg_pushes_can_be_played",
                 "test_the_admin_ends_a_broadcast",
                 "test_ends_with_endlist_when_the_publisher_stays_away",
                 "test_a_killed_publisher_goes_on_in_the_same_playlist")
Rights = only(publish_test.Rights, "test_an_unknown_key_is_refused_with_our_sentence",
              "test_a_second_publisher_is_refused_and_the_first_not_touched")
Shutdown = only(publish_test.Shutdown,
                "test_sigterm_while_live_ends_the_broadcast_within_the_bound",
                "test_a_broadcast_that_a_crash_cut_off_is_closed_at_the_next_start")
Events = only(push_test.Events, "test_a_socket_gets_a_snapshot_and_then_each_change")
