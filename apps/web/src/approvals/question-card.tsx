// Questions of the agent, each with options to pick from and room for an answer of one's own.
import { useState, type ReactNode } from 'react';
import { z } from 'zod';
import type { Answers } from '@holdfast/shared/protocol';
import { strings } from '../strings.ts';
import { Button } from '../ui/button.tsx';
import { FIELD } from '../ui/fields.tsx';
import type { AskProps } from './approvals.tsx';
import { DenyForm } from './deny-form.tsx';

const Question = z.object({
  question: z.string(),
  header: z.string().default(''),
  multiSelect: z.boolean().default(false),
  options: z.array(z.object({ label: z.string(), description: z.string().default('') })).default([]),
});
type Question = z.infer<typeof Question>;
const Input = z.object({ questions: z.array(Question) });

/** What is picked for one question, and the text of an answer that is none of the options. */
interface Picked {
  readonly labels: readonly string[];
  readonly other: string | null;
}
const NOTHING: Picked = { labels: [], other: null };

export function QuestionCard({ approval, decide, isBusy }: AskProps): ReactNode {
  const questions = Input.safeParse(approval.input).data?.questions ?? [];
  const [picked, setPicked] = useState<Readonly<Record<string, Picked>>>({});
  const [isDenying, setDenying] = useState(false);
  const answers = answersOf(questions, picked);
  return (
    <>
      <h2 className="mb-2 text-[15px] font-semibold">{strings.approvals.asks}</h2>
      <div className="space-y-4">
        {questions.map((question) => (
          <QuestionFields
            key={question.question}
            question={question}
            picked={picked[question.question] ?? NOTHING}
            onPick={(next) => setPicked((before) => ({ ...before, [question.question]: next }))}
          />
        ))}
      </div>
      {isDenying ? (
        <DenyForm
          label={strings.approvals.denyMessage}
          confirm={strings.approvals.deny}
          isBusy={isBusy}
          onDeny={decide}
          onCancel={() => setDenying(false)}
        />
      ) : (
        <div className="mt-3 flex gap-2 max-sm:*:flex-1">
          <Button
            look="primary"
            disabled={isBusy || answers === undefined}
            onClick={() => answers !== undefined && decide({ kind: 'answer', answers })}
          >
            {strings.approvals.answer}
          </Button>
          <Button look="danger" disabled={isBusy} onClick={() => setDenying(true)}>
            {strings.approvals.deny}…
          </Button>
        </div>
      )}
    </>
  );
}

/** Undefined until every question has an answer. */
function answersOf(
  questions: readonly Question[],
  picked: Readonly<Record<string, Picked>>,
): Answers | undefined {
  const entries = questions.map(({ question, multiSelect }) => {
    const { labels, other } = picked[question] ?? NOTHING;
    const own = other?.trim() ?? '';
    const all = own === '' ? labels : [...labels, own];
    return [question, multiSelect ? [...all] : (all[0] ?? '')] as const;
  });
  return entries.some(([, answer]) => answer.length === 0) ? undefined : Object.fromEntries(entries);
}

interface QuestionFieldsProps {
  readonly question: Question;
  readonly picked: Picked;
  readonly onPick: (picked: Picked) => void;
}

function QuestionFields({ question, picked, onPick }: QuestionFieldsProps): ReactNode {
  const { multiSelect, options } = question;
  const type = multiSelect ? 'checkbox' : 'radio';
  const toggle = (label: string): void => {
    if (!multiSelect) return onPick({ labels: [label], other: null });
    const has = picked.labels.includes(label);
    const labels = has ? picked.labels.filter((one) => one !== label) : [...picked.labels, label];
    onPick({ ...picked, labels });
  };
  const toggleOther = (): void => {
    if (picked.other !== null && multiSelect) return onPick({ ...picked, other: null });
    onPick({ labels: multiSelect ? picked.labels : [], other: picked.other ?? '' });
  };
  return (
    <fieldset>
      <legend className="mb-1.5 text-sm font-medium break-words">{question.question}</legend>
      <div className="space-y-1">
        {options.map(({ label, description }) => (
          <Option
            key={label}
            {...{ type, label, description, name: question.question }}
            isPicked={picked.labels.includes(label)}
            onToggle={() => toggle(label)}
          />
        ))}
        <Option
          {...{ type, name: question.question, label: strings.approvals.other, description: '' }}
          isPicked={picked.other !== null}
          onToggle={toggleOther}
        />
        {picked.other !== null && (
          <input
            aria-label={strings.approvals.otherLabel}
            className={FIELD}
            value={picked.other}
            onChange={(event) => onPick({ ...picked, other: event.target.value })}
          />
        )}
      </div>
    </fieldset>
  );
}

interface OptionProps {
  readonly type: 'checkbox' | 'radio';
  readonly name: string;
  readonly label: string;
  readonly description: string;
  readonly isPicked: boolean;
  readonly onToggle: () => void;
}

function Option({ type, name, label, description, isPicked, onToggle }: OptionProps): ReactNode {
  return (
    <label className="flex min-h-9 cursor-pointer items-start gap-2.5 rounded-lg border border-line px-3 py-2 text-sm has-checked:border-accent has-checked:bg-accent-soft pointer-coarse:min-h-11">
      <input type={type} name={name} checked={isPicked} onChange={onToggle} className="mt-1 accent-accent" />
      <span>
        {label}
        {description !== '' && <span className="block text-xs text-muted">{description}</span>}
      </span>
    </label>
  );
}
