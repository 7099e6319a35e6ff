import { useState, type ReactElement } from "react";
import { createChannel } from "../api/client";
import type { CreatedChannel } from "../api/types";
import { useAction } from "../hooks/useAction";
import { absoluteUrl, rtmpTarget } from "../publish/rtmpUrl";
import { Link, studioPath } from "../router";
import { CopyField } from "./CopyField";
import { Dialog } from "./Dialog";
import { TextField } from "./Field";
import { Form } from "./Form";
import { Notice } from "./Notice";

interface NewChannelDialogProps {
  onCreated: () => void;
  onClose: () => void;
}

export function NewChannelDialog({ onCreated, onClose }: NewChannelDialogProps): ReactElement {
  const [created, setCreated] = useState<CreatedChannel | null>(null);
  return (
    <Dialog title={created === null ? "New channel" : created.title} onClose={onClose}>
      {created === null ? (
        <CreateForm
          onCreated={(channel) => {
            setCreated(channel);
            onCreated();
          }}
        />
      ) : (
        <CreatedPanel channel={created} />
      )}
    </Dialog>
  );
}

function CreateForm({ onCreated }: { onCreated: (channel: CreatedChannel) => void }): ReactElement {
  const action = useAction();
  const [title, setTitle] = useState("");
  const create = (): Promise<boolean> =>
    action.run(async () => onCreated(await createChannel({ title: title.trim() })));
  return (
    <Form action={action} submit="Create channel" fields={["title"]} onSubmit={() => void create()}>
      <TextField
        label="Title"
        placeholder="Friday ceramics sale"
        required
        maxLength={200}
        autoComplete="off"
        value={title}
        error={action.fields.title}
        onValue={setTitle}
      />
    </Form>
  );
}

function CreatedPanel({ channel }: { channel: CreatedChannel }): ReactElement {
  const rtmp = rtmpTarget(channel.rtmpUrl, channel.streamKey);
  const base = location.origin;
  return (
    <div className="form">
      <Notice tone="calm">
        The channel is ready. Everybody who has the stream key can broadcast on it.
      </Notice>
      <CopyField label="Watch page" value={absoluteUrl(channel.watchUrl, base)} />
      <CopyField label="Studio" value={absoluteUrl(channel.studioUrl, base)} />
      <CopyField label="Stream key" value={channel.streamKey} isSecret />
      {rtmp !== null && (
        <CopyField label="RTMP server" value={rtmp.server} hint="For OBS and hardware encoders" />
      )}
      <CopyField
        label="WHIP URL"
        value={absoluteUrl(channel.whipUrl, base)}
        hint="For WebRTC publishers, with the stream key as bearer token"
      />
      <Link className="button button-primary button-large" href={studioPath(channel.id)}>
        Open the studio
      </Link>
    </div>
  );
}
