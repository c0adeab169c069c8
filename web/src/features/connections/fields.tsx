'use client';
import clsx from 'clsx';
import { Labelled } from '@/ui/labelled';
import type { Field, FieldValue } from './schema-form';

/** One setting, as its schema wants it. */
export function SettingField({
  field,
  value,
  onChange,
  problem,
}: {
  field: Field;
  value: FieldValue;
  onChange: (value: FieldValue) => void;
  problem?: string;
}) {
  const typed = typeof value === 'string' ? value : '';
  if (field.kind === 'switch') {
    return (
      <div>
        <label className="flex items-center gap-2 text-sm font-medium">
          <input type="checkbox" className="size-4 accent-(--accent-solid)" checked={value === true} onChange={(event) => onChange(event.target.checked)} />
          {field.title}
        </label>
        {field.help && <p className="mt-0.5 ml-6 text-xs text-muted">{field.help}</p>}
        {problem && <p className="mt-0.5 ml-6 text-xs text-bad">{problem}</p>}
      </div>
    );
  }
  if (field.kind === 'choices') {
    const chosen = Array.isArray(value) ? value : [];
    return (
      <fieldset>
        <legend className="text-sm font-medium">{field.title}</legend>
        {field.help && <p className="mt-0.5 text-xs text-muted">{field.help}</p>}
        <div className="mt-1 flex flex-wrap gap-x-4 gap-y-1">
          {field.options.map((option) => (
            <label key={option.value} className="flex items-center gap-1.5 text-sm">
              <input
                type="checkbox"
                className="size-4 accent-(--accent-solid)"
                checked={chosen.includes(option.value)}
                onChange={(event) =>
                  onChange(event.target.checked ? [...chosen, option.value] : chosen.filter((one) => one !== option.value))
                }
              />
              {option.text}
            </label>
          ))}
        </div>
        {problem && <p className="mt-1 text-xs text-bad">{problem}</p>}
      </fieldset>
    );
  }
  return (
    <Labelled title={field.title} help={field.kind === 'list' ? `${field.help} One per line.`.trim() : field.help} problem={problem} optional={!field.required && field.initial === ''}>
      {(ids) => {
        if (field.kind === 'choice')
          return (
            <select {...ids} className="field w-full" value={typed} onChange={(event) => onChange(event.target.value)}>
              {!field.required && <option value="">–</option>}
              {field.options.map((option) => (
                <option key={option.value} value={option.value}>
                  {option.text}
                </option>
              ))}
            </select>
          );
        if (field.kind === 'list' || field.kind === 'json' || field.kind === 'long-text')
          return (
            <textarea
              {...ids}
              rows={field.kind === 'list' ? 3 : 5}
              spellCheck={false}
              placeholder={field.placeholder}
              className={clsx('field w-full', field.kind !== 'long-text' && 'font-mono')}
              value={typed}
              onChange={(event) => onChange(event.target.value)}
            />
          );
        return (
          <input
            {...ids}
            type={field.kind === 'secret' ? 'password' : 'text'}
            inputMode={field.kind === 'number' ? 'decimal' : field.kind === 'url' ? 'url' : undefined}
            autoComplete={field.kind === 'secret' ? 'new-password' : 'off'}
            spellCheck={false}
            placeholder={field.placeholder}
            className="field w-full"
            value={typed}
            onChange={(event) => onChange(event.target.value)}
          />
        );
      }}
    </Labelled>
  );
}
