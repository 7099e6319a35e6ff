import { useState, type ReactElement } from "react";
import { updateChannel } from "../api/client";
import type { Channel } from "../api/types";
import { useAction } from "../hooks/useAction";
import { Dialog } from "./Dialog";
import { TextField } from "./Field";
import { Form } from "./Form";

interface EditChannelDialogProps {
  channel: Channel;
  onClose: () => void;
}

export function EditChannelDialog({ channel, onClose }: EditChannelDialogProps): ReactElement {
  const action = useAction();
  const [title, setTitle] = useState(channel.title);
  const save = async (): Promise<void> => {
    if (await action.run(() => updateChannel(channel.id, { title: title.trim() }))) onClose();
  };
  return (
    <Dialog title="Rename the channel" onClose={onClose}>
      <Form action={action} submit="Save" fields={["title"]} onSubmit={() => void save()}>
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
      </Form>
    </Dialog>
  );
}
