import { useState, type ReactNode } from 'react';
import { ToolInput } from '@holdfast/shared/protocol';
import { strings } from '../strings.ts';
import { Button } from '../ui/button.tsx';
import { Field, FIELD } from '../ui/fields.tsx';

export interface InputEditorProps {
  readonly input: unknown;
  readonly onAllow: (input: ToolInput) => void;
  readonly onCancel: () => void;
}

/** The input of the call to change before it runs: the command itself where it is one, else JSON. */
export function InputEditor({ input, onAllow, onCancel }: InputEditorProps): ReactNode {
  const fields = ToolInput.safeParse(input).data ?? {};
  const command = fields['command'];
  const isCommand = typeof command === 'string';
  const [text, setText] = useState(isCommand ? command : JSON.stringify(fields, null, 2));
  const [problem, setProblem] = useState<string>();
  const allow = (): void => {
    const changed = isCommand ? { ...fields, command: text } : parse(text);
    if (changed === undefined) setProblem(strings.approvals.badJson);
    else onAllow(changed);
  };
  return (
    <div className="space-y-2">
      <Field label={isCommand ? strings.chat.tool.input : strings.approvals.editing} error={problem}>
        {(ids) => (
          <textarea
            {...ids}
            rows={Math.min(12, text.split('\n').length + 1)}
            className={`${FIELD} font-mono`}
            spellCheck={false}
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        )}
      </Field>
      <div className="flex justify-end gap-2">
        <Button look="ghost" onClick={onCancel}>
          {strings.cancel}
        </Button>
        <Button look="primary" onClick={allow}>
          {strings.approvals.allowEdited}
        </Button>
      </div>
    </div>
  );
}

function parse(text: string): ToolInput | undefined {
  try {
    return ToolInput.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
