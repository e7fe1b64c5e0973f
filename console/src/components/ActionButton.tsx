import { useState, type ReactNode } from "react";
import { Confirm } from "react-admin";

import { TextButton } from "./TextButton";
import { useAction } from "./useAction";

interface Props {
  label: string;
  run: () => Promise<unknown>;
  done: string;
  icon?: ReactNode;
  color?: "primary" | "error";
  /** The question before it runs; without one it runs at once. */
  confirm?: string;
}

export function ActionButton({ label, run, done, confirm, ...button }: Props) {
  const [isAsking, setAsking] = useState(false);
  const { act, isBusy } = useAction();
  const start = async () => {
    setAsking(false);
    await act(run, done);
  };
  return (
    <>
      <TextButton label={label} disabled={isBusy} onClick={confirm ? () => setAsking(true) : start} {...button} />
      {confirm && (
        <Confirm
          isOpen={isAsking}
          title={label}
          content={confirm}
          onConfirm={start}
          onClose={() => setAsking(false)}
        />
      )}
    </>
  );
}
