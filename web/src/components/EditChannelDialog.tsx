import { useCallback, useState, type ReactElement } from "react";
import { getChannel, updateChannel, type ChannelChange } from "../api/client";
import { sentenceOf } from "../api/problem";
import type { ChannelDetail } from "../api/types";
import { formatSpan } from "../format";
import { useAction } from "../hooks/useAction";
import { usePolling } from "../hooks/usePolling";
import { Dialog } from "./Dialog";
import { SelectField, TextField, type Choice } from "./Field";
import { Form } from "./Form";
import { Notice } from "./Notice";

interface EditChannelDialogProps {
  channelId: number;
  onClose: () => void;
}

const once = (): number => Infinity;

export function EditChannelDialog({ channelId, onClose }: EditChannelDialogProps): ReactElement {
  const load = useCallback(
    (signal: AbortSignal) => getChannel(channelId, null, signal),
    [channelId],
  );
  const { data: channel, error } = usePolling(load, once);
  return (
    <Dialog title="Edit the channel" onClose={onClose}>
      {error !== null && channel === null && <Notice tone="bad">{sentenceOf(error)}</Notice>}
      {channel !== null && <EditForm channel={channel} onSaved={onClose} />}
    </Dialog>
  );
}

const HOUR_S = 3_600;
const AS_CONFIGURED = "";

/* Whole hours, and whatever was set by other means. */
function lengthChoices(currentS: number | null): Choice[] {
  const lengths = [1, 2, 4, 8, 12, 24].map((hours) => hours * HOUR_S);
  if (currentS !== null && !lengths.includes(currentS)) lengths.push(currentS);
  lengths.sort((a, b) => a - b);
  return [
    { value: AS_CONFIGURED, text: "As the server is set" },
    ...lengths.map((s) => ({ value: String(s), text: formatSpan(s * 1000) })),
  ];
}

function EditForm(props: { channel: ChannelDetail; onSaved: () => void }): ReactElement {
  const { channel, onSaved } = props;
  const action = useAction();
  const currentS = channel.maxDurationSeconds ?? null;
  const [title, setTitle] = useState(channel.title);
  const [length, setLength] = useState(currentS === null ? AS_CONFIGURED : String(currentS));
  const save = async (): Promise<void> => {
    const change: ChannelChange = {};
    const lengthS = length === AS_CONFIGURED ? null : Number(length);
    if (title.trim() !== channel.title) change.title = title.trim();
    if (lengthS !== currentS) change.maxDurationSeconds = lengthS;
    if (Object.keys(change).length === 0) onSaved();
    else if (await action.run(() => updateChannel(channel.id, change))) onSaved();
  };
  return (
    <Form
      action={action}
      submit="Save"
      fields={["title", "maxDurationSeconds"]}
      onSubmit={() => void save()}
    >
      <TextField
        label="Title"
        hint="What viewers see. Links stay as they are."
        required
        maxLength={200}
        autoComplete="off"
        value={title}
        error={action.fields.title}
        onValue={setTitle}
      />
      <SelectField
        label="Longest broadcast"
        hint="One that goes on for longer ends by itself."
        choices={lengthChoices(currentS)}
        value={length}
        error={action.fields.maxDurationSeconds}
        onValue={setLength}
      />
    </Form>
  );
}
