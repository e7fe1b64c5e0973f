import { useState, type ReactNode } from "react";
import { Button, Confirm, type ButtonProps } from "react-admin";

import { useAction } from "./useAction";

interface Props extends Pick<ButtonProps, "color" | "variant"> {
  label: string;
  run: () => Promise<unknown>;
  done: string;
  icon?: ReactNode;
  /** The question before it runs; without one it runs at once. */
  confirm?: string;
}

export function ActionButton({ label, run, done, icon, confirm, ...button }: Props) {
  const [isAsking, setAsking] = useState(false);
  const { act, isBusy } = useAction();
  const start = async () => {
    setAsking(false);
    await act(run, done);
  };
  return (
    <>
      <Button label={label} disabled={isBusy} onClick={confirm ? () => setAsking(true) : start} {...button}>
        {icon}
      </Button>
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
