import { X } from "lucide-react";
import {
  useEffect,
  useId,
  useRef,
  useState,
  type ReactElement,
  type SyntheticEvent,
} from "react";
import { createChannel } from "../api/client";
import { ApiError, sentenceOf } from "../api/problem";
import type { CreatedChannel } from "../api/types";
import { adminKey, channelKey } from "../keys";
import { absoluteUrl, rtmpTarget } from "../publish/rtmpUrl";
import { Link, studioPath } from "../router";
import { CopyField } from "./CopyField";
import { Notice } from "./Notice";

interface NewChannelDialogProps {
  onCreated: () => void;
  onClose: () => void;
}

export function NewChannelDialog({ onCreated, onClose }: NewChannelDialogProps): ReactElement {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  const [created, setCreated] = useState<CreatedChannel | null>(null);

  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);

  return (
    <dialog ref={dialog} className="dialog" aria-labelledby={titleId} onClose={onClose}>
      <div className="dialog-head">
        <h2 id={titleId}>{created === null ? "New channel" : created.title}</h2>
        <button type="button" className="icon-button" aria-label="Close" onClick={onClose}>
          <X aria-hidden="true" />
        </button>
      </div>
      {created === null ? (
        <CreateForm
          onCreated={(channel) => {
            channelKey.set(channel.id, channel.streamKey);
            setCreated(channel);
            onCreated();
          }}
        />
      ) : (
        <CreatedPanel channel={created} />
      )}
    </dialog>
  );
}

function CreateForm({ onCreated }: { onCreated: (channel: CreatedChannel) => void }): ReactElement {
  const [title, setTitle] = useState("");
  const [key, setKey] = useState(() => adminKey.get() ?? "");
  const [error, setError] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const ids = { title: useId(), key: useId() };

  const create = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      const channel = await createChannel(title.trim(), key.trim());
      adminKey.set(key.trim());
      onCreated(channel);
    } catch (reason) {
      if (reason instanceof ApiError && reason.isDenied) adminKey.set(null);
      setError(sentenceOf(reason));
      setBusy(false);
    }
  };
  const onSubmit = (event: SyntheticEvent): void => {
    event.preventDefault();
    void create();
  };

  return (
    <form className="form" onSubmit={onSubmit}>
      <div className="field">
        <label htmlFor={ids.title}>Title</label>
        <input
          id={ids.title}
          value={title}
          required
          maxLength={200}
          placeholder="Friday ceramics sale"
          autoComplete="off"
          onChange={(event) => setTitle(event.target.value)}
        />
      </div>
      <div className="field">
        <label htmlFor={ids.key}>Admin key</label>
        <input
          id={ids.key}
          className="mono"
          type="password"
          value={key}
          required
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => setKey(event.target.value)}
        />
        <span className="field-hint">
          Printed by the server at its first start. Kept in this tab only.
        </span>
      </div>
      {error !== null && <Notice tone="bad">{error}</Notice>}
      <button type="submit" className="button button-primary button-large" disabled={isBusy}>
        {isBusy ? "Creating…" : "Create channel"}
      </button>
    </form>
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
      <CopyField label="RTMP server" value={rtmp.server} hint="For OBS and hardware encoders" />
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
