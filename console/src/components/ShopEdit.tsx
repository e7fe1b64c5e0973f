import { useState, type ReactNode } from "react";
import {
  DeleteButton,
  Edit,
  SaveButton,
  SimpleForm,
  Toolbar,
  useDataProvider,
  useNotify,
  useResourceContext,
  type EditProps,
  type RaRecord,
  type UpdateParams,
} from "react-admin";

import { ConflictDialog, type Conflict } from "./ConflictDialog";

interface Props extends Omit<EditProps, "children" | "mutationMode" | "mutationOptions"> {
  children: ReactNode;
  canDelete?: boolean;
}

/**
 * A form that saves only what was changed, and only if nobody else has changed the object since it was read.
 *
 * The record is not read again in the background: its ETag has to be that of the values in the form.
 */
export function ShopEdit({ children, canDelete = true, ...edit }: Props) {
  const [conflict, setConflict] = useState<Conflict>();
  const [version, setVersion] = useState(0);
  const dataProvider = useDataProvider();
  const notify = useNotify();
  const resource = useResourceContext()!;

  const onError = async (error: unknown, variables: unknown) => {
    const { status, message, body } = error as { status?: number; message: string; body?: { errors?: unknown } };
    const { id, data, previousData } = variables as UpdateParams<RaRecord>;
    if (status === 412) {
      const { data: theirs } = await dataProvider.getOne(resource, { id });
      setConflict({ before: previousData as RaRecord, mine: data as RaRecord, theirs });
    } else if (!body?.errors) notify(message, { type: "error" });
  };
  const reload = () => {
    setConflict(undefined);
    setVersion(version + 1);
  };
  return (
    <>
      <Edit
        key={version}
        mutationMode="pessimistic"
        mutationOptions={{ onError }}
        queryOptions={{ refetchOnWindowFocus: false, refetchOnReconnect: false }}
        redirect={false}
        {...edit}
      >
        <SimpleForm toolbar={<FormToolbar canDelete={canDelete} />}>{children}</SimpleForm>
      </Edit>
      <ConflictDialog conflict={conflict} onReload={reload} onClose={() => setConflict(undefined)} />
    </>
  );
}

function FormToolbar({ canDelete }: { canDelete: boolean }) {
  return (
    <Toolbar sx={{ justifyContent: "space-between" }}>
      <SaveButton />
      {canDelete && <DeleteButton mutationMode="pessimistic" />}
    </Toolbar>
  );
}
