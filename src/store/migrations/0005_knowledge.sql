-- oldest-program: 1
-- Text search over passages. English and Arabic have their own configurations, everything else is taken word by
-- word. A spoken question is an OR of its lexemes: most of its words are not in the answer.
set local role voxgate_owner;

create function knowledge_language(t text) returns text language sql immutable parallel safe as
$$ select case when length(regexp_replace(t, '[^\u0600-\u06FF]', '', 'g')) * 2
                    > length(regexp_replace(t, '[^\u0600-\u06FFA-Za-z\u00C0-\u024F]', '', 'g')) then 'ar'
               when t ~ '[A-Za-z]' then 'en' else 'other' end $$;

create function knowledge_config(language text) returns regconfig language sql immutable parallel safe as
$$ select case language when 'en' then 'pg_catalog.english'::regconfig when 'ar' then 'pg_catalog.arabic'::regconfig
                        else 'pg_catalog.simple'::regconfig end $$;

-- The Arabic stemmer leaves a conjunction or preposition before the article in place ("and-the-return"): put the
-- bare article there, on both sides.
create function knowledge_fold(t text) returns text language sql immutable parallel safe as
$$ select regexp_replace(regexp_replace(t, '(^|[^\u0621-\u064A])[وفبك]{1,2}ال', '\1ال', 'g'),
                         '(^|[^\u0621-\u064A])[وف]?لل', '\1ال', 'g') $$;

-- PostgreSQL has no Arabic stop words, and its English ones leave the small talk of a spoken question.
create function knowledge_stop(language text) returns tsvector language sql immutable parallel safe as
$$ select case language
       when 'ar' then to_tsvector('pg_catalog.arabic',
           'في من على إلى الى عن مع هذا هذه ذلك تلك التي الذي الذين هو هي هم نحن أنا انا أنت انت أنتم انتم كان كانت يكون '
           'تكون ما ماذا ماهي ماهو هل كيف متى أين اين كم لماذا لم لن لا نعم أو او ثم قد كل بعض عند لدى لديكم عندكم بعد '
           'قبل بين أن ان إن إذا اذا حتى غير يا و أي اي أريد اريد ممكن يمكن يمكنني أستطيع استطيع لي لك له لها لنا لكم '
           'فضلك رجاء مرحبا شكرا')
       when 'en' then to_tsvector('pg_catalog.english',
           'hello hi please thanks thank tell know want would like could can may might need get got give let say said ask '
           'question okay ok well yes hey also just really much many something anything')
       else ''::tsvector end $$;

create function knowledge_tsv(language text, title text, body text) returns tsvector
    language sql immutable parallel safe as
$$ select setweight(to_tsvector(knowledge_config(language), knowledge_fold(title)), 'A')
          || setweight(to_tsvector(knowledge_config(language), knowledge_fold(body)), 'B') $$;

-- The lexemes of a question.
create function knowledge_lexemes(language text, question text) returns text[]
    language sql immutable parallel safe as
$$ select coalesce(array_agg(lexeme), '{}')
   from (select lexeme from unnest(to_tsvector(knowledge_config(language), knowledge_fold(question)))
         except select lexeme from unnest(knowledge_stop(language))) l $$;

-- Passages of the transaction's tenant, best first. Candidates: those that have all lexemes, then any, at most
-- 500; ranked by cover density; the score is the share of the question's lexemes that the passage has, weighted by
-- how close together they are, 0..1. Less than a third of the question's words found is not an answer. Where
-- nothing matches, a title that looks like a part of the question does (misheard or misspelt words; 5,000 passages are
-- looked at, 40 ms).
create function knowledge_search(question text, lang text, filters jsonb, top_k int)
    returns table (id uuid, document_id uuid, source text, title text, heading text, body text, metadata jsonb,
                   score double precision)
    language plpgsql stable security definer set search_path = public, pg_temp as $$
#variable_conflict use_column
declare
    tenant uuid := app_tenant();
    l text := case when knowledge_language(question) = 'ar' then 'ar' when coalesce(lang, '') in ('', 'auto', 'ar', 'en')
                   then knowledge_language(question) else 'other' end;
    words text[] := knowledge_lexemes(l, question);
    any_word tsquery;
    all_words tsquery;
    found_rows int;
begin
    if tenant is null then
        return;
    end if;
    if cardinality(words) > 0 then
        any_word := (select string_agg(quote_literal(w), ' | ')::tsquery from unnest(words) w);
        all_words := (select string_agg(quote_literal(w), ' & ')::tsquery from unnest(words) w);
        return query
            with candidates as (
                (select p.id from passages p
                 where p.tenant_id = tenant and p.tsv @@ all_words and p.metadata @> filters limit 100)
                union
                (select p.id from passages p
                 where p.tenant_id = tenant and p.tsv @@ any_word and p.metadata @> filters limit 500)),
            ranked as (
                select p.*, ts_rank_cd('{0.1, 0.2, 0.6, 1.0}', p.tsv, any_word, 2 | 32) as rank,
                       (select count(*) from unnest(words) w where p.tsv @@ quote_literal(w)::tsquery)::float8
                           / cardinality(words) as share
                from candidates c join passages p on p.id = c.id)
            select r.id, r.document_id, d.source, r.title, r.heading, r.body, r.metadata,
                   least(1, r.share * (0.6 + 0.4 * least(1, r.rank * 4)))::float8
            from ranked r join documents d on d.id = r.document_id
            where r.share >= 0.34
            order by 8 desc, r.id
            limit top_k;
        get diagnostics found_rows = row_count;
        if found_rows > 0 then
            return;
        end if;
    end if;
    if length(question) < 4 or not exists (select from pg_extension where extname = 'pg_trgm') then
        return;
    end if;
    return query
        select p.id, p.document_id, d.source, p.title, p.heading, p.body, p.metadata, s.similarity * 0.8
        from (select * from passages t where t.tenant_id = tenant and t.metadata @> filters limit 5000) p
        join documents d on d.id = p.document_id
        cross join lateral (
            select greatest(word_similarity(p.heading, question), word_similarity(p.title, question))::float8
                   as similarity) s
        where s.similarity >= 0.5
        order by s.similarity desc, p.id
        limit top_k;
end $$;

grant execute on function knowledge_language(text), knowledge_config(text), knowledge_fold(text),
    knowledge_stop(text), knowledge_tsv(text, text, text), knowledge_lexemes(text, text),
    knowledge_search(text, text, jsonb, int) to voxgate_app;
