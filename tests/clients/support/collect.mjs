/* What a subscription of @trpc/client tells, kept, and waited for. */
import { until } from "../../support/rest.mjs";

/* `subscribe` is a procedure's: status.onStatus.subscribe. */
export function collect(subscribe, input) {
  const told = { data: [], errors: [], states: [], starts: 0, isComplete: false, isStopped: false };
  const subscription = subscribe(input, {
    onStarted: () => told.starts++,
    onData: (value) => told.data.push(value),
    onError: (error) => told.errors.push(error),
    onStopped: () => (told.isStopped = true),
    onComplete: () => (told.isComplete = true),
    onConnectionStateChange: ({ state }) => told.states.push(state),
  });
  return Object.assign(told, {
    stop: () => subscription.unsubscribe(),
    count: (count) => until(`${count} values`, () => told.data.length >= count),
    error: () => until("an error", () => told.errors[0]),
    complete: () => until("the end", () => told.isComplete),
    /* The relay's states, in the order in which they were told. */
    relayStatuses: () => told.data.map(({ data }) => (data.status ?? data).relayStatus),
  });
}
